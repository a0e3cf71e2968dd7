#include "certificates/private_authority.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/owned.h"
#include "certificates/limits.h"
#include "os/directory.h"
#include "os/file.h"
#include "wire/certificate.h"

namespace shore::certificates {

namespace {

using Bio = base::Owned<BIO, BIO_free>;
using Certificate = base::Owned<X509, X509_free>;
using Extension = base::Owned<X509_EXTENSION, X509_EXTENSION_free>;
using Key = base::Owned<EVP_PKEY, EVP_PKEY_free>;
using Number = base::Owned<BIGNUM, BN_free>;

Error complaint(std::string_view what) {
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return {ErrorCode::kInternal,
            fmt::format("{}: {}", what, reason != nullptr ? reason : "the library refused")};
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
}

std::string to_pem(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio.get());
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

void set_time(ASN1_TIME* to, WallTime at) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
    ASN1_TIME_set(to, seconds);
}

struct Wish {
    std::string common_name;
    WallTime from;
    WallTime to;
    std::vector<std::pair<int, std::string>> extensions;
};

/// A certificate for `key`; signed by itself without an issuer.
Certificate sign(const Wish& wish, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
    Certificate made(X509_new());
    X509* const certificate = made.get();
    X509_set_version(certificate, X509_VERSION_3);
    const Number serial(BN_new());
    BN_rand(serial.get(), 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
    set_time(X509_getm_notBefore(certificate), wish.from);
    set_time(X509_getm_notAfter(certificate), wish.to);
    X509_set_pubkey(certificate, key);
    X509_NAME* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.common_name.data()),
                               static_cast<int>(wish.common_name.size()), -1, 0);
    X509* const parent = issuer != nullptr ? issuer : certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(parent));
    for (const auto& [nid, value] : wish.extensions) {
        if (!add_extension(certificate, parent, nid, value)) {
            return nullptr;
        }
    }
    return X509_sign(certificate, issuer != nullptr ? issuer_key : key, EVP_sha256()) > 0
               ? std::move(made)
               : nullptr;
}

bool is_address(const std::string& name) {
    in6_addr parsed{};
    return inet_pton(AF_INET, name.c_str(), &parsed) == 1 ||
           inet_pton(AF_INET6, name.c_str(), &parsed) == 1;
}

/// Names come from manifests: what could not stand in the extension's text form is left out.
std::string alternative_names(const std::vector<std::string>& names) {
    std::string list;
    size_t count = 0;
    for (const std::string& name : names) {
        const bool plain = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '*' || c == ':' || c == '_';
        });
        if (!plain || ++count > kNamesMax) {
            continue;
        }
        list +=
            fmt::format("{}{}:{}", list.empty() ? "" : ",", is_address(name) ? "IP" : "DNS", name);
    }
    return list;
}

std::string fresh_name() {
    std::array<unsigned char, 4> bytes{};
    RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
    return fmt::format("Shore private authority {:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1],
                       bytes[2], bytes[3]);
}

}  // namespace

struct PrivateAuthority::Authority {
    Certificate certificate;
    Key key;
    std::string pem;
};

/// Reads the authority, or makes it when there is none.
Result<PrivateAuthority::Authority> PrivateAuthority::authority() {
    const std::string certificate_path = directory_ + "/ca.pem";
    const std::string key_path = directory_ + "/ca.key";
    SHORE_CHECK(os::make_directories(directory_, 0700));
    Authority found;
    if (os::file_exists(certificate_path)) {
        SHORE_TRY(found.pem, os::read_file(certificate_path, kFileMax));
        SHORE_TRY(const std::string key_pem, os::read_file(key_path, kFileMax));
        const Bio certificate(
            BIO_new_mem_buf(found.pem.data(), static_cast<int>(found.pem.size())));
        const Bio key(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
        found.certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
        found.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
        if (!found.certificate || !found.key) {
            return fail(
                complaint(fmt::format("read {} and {} (remove both to make a new authority)",
                                      certificate_path, key_path))
                    .with("private authority"));
        }
        return found;
    }
    const WallTime now = clock_.wall_now();
    found.key.reset(EVP_EC_gen("P-256"));
    found.certificate = sign({.common_name = fresh_name(),
                              .from = now - kBackdated,
                              .to = now + kAuthorityLife,
                              .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                             {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                             {NID_subject_key_identifier, "hash"}}},
                             found.key.get(), nullptr, nullptr);
    if (!found.certificate) {
        return fail(complaint("make a private authority"));
    }
    found.pem = to_pem(found.certificate.get());
    // The certificate last: what it is there for is there then.
    SHORE_CHECK(os::write_file_atomically(key_path, to_pem(found.key.get()), 0600));
    SHORE_CHECK(os::write_file_atomically(certificate_path, found.pem, 0644));
    return found;
}

Result<std::string> PrivateAuthority::authority_pem() {
    SHORE_TRY(const Authority signer, authority());
    return signer.pem;
}

bool PrivateAuthority::serves(const std::string& pem, const std::string& authority_pem,
                              const std::vector<std::string>& names) const {
    const auto facts = wire::read_certificate(pem);
    const auto signer = wire::read_certificate(authority_pem);
    if (!facts || !signer || facts->issuer != signer->subject || !wire::check_key(pem, pem)) {
        return false;
    }
    const WallTime now = clock_.wall_now();
    const bool due = now + kept_.life / kRenewPart >= facts->not_after || now < facts->not_before;
    return !due && std::ranges::all_of(names, [&](const std::string& name) {
        return std::ranges::find(facts->names, name) != facts->names.end();
    });
}

Result<Issued> PrivateAuthority::certificate(const std::vector<std::string>& names,
                                             Renewal renewal) {
    SHORE_TRY(const Authority signer, authority());
    const std::string path = fmt::format("{}/{}", directory_, kept_.file);
    Issued issued{.certificate_file = path, .key_file = path};
    if (renewal == Renewal::kWhenDue) {
        const auto present = os::read_file(path, kFileMax);
        if (present && serves(*present, signer.pem, names)) {
            return issued;
        }
    }
    const Key key(EVP_EC_gen("P-256"));
    const WallTime now = clock_.wall_now();
    const Certificate made =
        sign({.common_name = "Shore",
              .from = now - kBackdated,
              .to = now + kept_.life,
              .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                             {NID_key_usage, "critical,digitalSignature"},
                             {NID_ext_key_usage, "serverAuth"},
                             {NID_subject_key_identifier, "hash"},
                             {NID_authority_key_identifier, "keyid"},
                             {NID_subject_alt_name, alternative_names(names)}}},
             key.get(), signer.certificate.get(), signer.key.get());
    if (!made) {
        return fail(complaint("sign a certificate"));
    }
    SHORE_CHECK(
        os::write_file_atomically(path, to_pem(made.get()) + signer.pem + to_pem(key.get()), 0600));
    issued.fresh = true;
    return issued;
}

}  // namespace shore::certificates

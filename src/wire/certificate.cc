#include "wire/certificate.h"

#include <array>
#include <ctime>
#include <optional>

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/owned.h"
#include "base/strings.h"

namespace shore::wire {

namespace {

using Bio = base::Owned<BIO, BIO_free>;
using Certificate = base::Owned<X509, X509_free>;
using Key = base::Owned<EVP_PKEY, EVP_PKEY_free>;
using Names = base::Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

Bio bio_of(std::string_view text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// A key that needs a pass phrase is refused: nobody is there to be asked.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
    return -1;
}

Certificate first_certificate(std::string_view pem) {
    const Bio bio = bio_of(pem);
    Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, &no_pass_phrase, nullptr));
    ERR_clear_error();
    return certificate;
}

std::string text_of(const X509_NAME* name) {
    const Bio bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
}

WallTime time_of(const ASN1_TIME* time) {
    std::tm parts{};
    ASN1_TIME_to_tm(time, &parts);
    return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::optional<std::string> text_of(const GENERAL_NAME& name) {
    if (name.type == GEN_DNS) {
        const auto* const bytes = ASN1_STRING_get0_data(name.d.dNSName);
        return base::to_lower({reinterpret_cast<const char*>(bytes),
                               static_cast<size_t>(ASN1_STRING_length(name.d.dNSName))});
    }
    if (name.type == GEN_IPADD) {
        const int size = ASN1_STRING_length(name.d.iPAddress);
        std::array<char, INET6_ADDRSTRLEN> text{};
        if ((size == 4 || size == 16) &&
            inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name.d.iPAddress),
                      text.data(), text.size()) != nullptr) {
            return std::string(text.data());
        }
    }
    return std::nullopt;
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> names;
    const Names alternatives(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
        if (auto name = text_of(*sk_GENERAL_NAME_value(alternatives.get(), i))) {
            names.push_back(std::move(*name));
        }
    }
    if (names.empty()) {
        std::array<char, 256> text{};
        if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                      text.data(), static_cast<int>(text.size())) > 0) {
            names.push_back(base::to_lower(text.data()));
        }
    }
    return names;
}

std::string describe(const EVP_PKEY* key) {
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        std::array<char, 64> group{};
        size_t size = 0;
        EVP_PKEY_get_group_name(key, group.data(), group.size(), &size);
        const int nid = OBJ_txt2nid(group.data());
        const char* const curve = EC_curve_nid2nist(nid);
        return fmt::format("ECDSA {}", curve != nullptr ? curve : group.data());
    }
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        return fmt::format("RSA {}", EVP_PKEY_get_bits(key));
    }
    const char* const name = EVP_PKEY_get0_type_name(key);
    return name != nullptr ? name : "unknown";
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        fmt::format_to(std::back_inserter(text), "{:02x}", digest[i]);
    }
    return text;
}

}  // namespace

Result<CertificateFacts> read_certificate(std::string_view pem) {
    const Certificate certificate = first_certificate(pem);
    if (!certificate) {
        return fail(ErrorCode::kInvalid, "holds no certificate in PEM form");
    }
    CertificateFacts facts;
    facts.names = names_of(certificate.get());
    facts.subject = text_of(X509_get_subject_name(certificate.get()));
    facts.issuer = text_of(X509_get_issuer_name(certificate.get()));
    if (const EVP_PKEY* const key = X509_get0_pubkey(certificate.get())) {
        facts.key = describe(key);
    }
    facts.fingerprint = fingerprint_of(certificate.get());
    facts.not_before = time_of(X509_get0_notBefore(certificate.get()));
    facts.not_after = time_of(X509_get0_notAfter(certificate.get()));
    ERR_clear_error();
    return facts;
}

Result<void> check_key(std::string_view certificate_pem, std::string_view key_pem) {
    const Certificate certificate = first_certificate(certificate_pem);
    if (!certificate) {
        return fail(ErrorCode::kInvalid, "holds no certificate in PEM form");
    }
    const Bio bio = bio_of(key_pem);
    const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_pass_phrase, nullptr));
    const bool matches = key && X509_check_private_key(certificate.get(), key.get()) == 1;
    ERR_clear_error();
    if (!key) {
        return fail(ErrorCode::kInvalid, "holds no private key in PEM form without a pass phrase");
    }
    if (!matches) {
        return fail(ErrorCode::kInvalid, "is the key of another certificate");
    }
    return {};
}

bool matches_name(std::string_view pattern, std::string_view name) {
    if (!pattern.starts_with("*.")) {
        return pattern == name;
    }
    const size_t dot = name.find('.');
    return dot != std::string_view::npos && dot > 0 && name.substr(dot) == pattern.substr(1);
}

}  // namespace shore::wire

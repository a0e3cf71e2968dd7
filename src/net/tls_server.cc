#include "net/tls_server.h"

#include <algorithm>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "net/limits.h"
#include "net/tls_stream.h"
#include "os/file.h"
#include "wire/certificate.h"

namespace shore::net {

namespace {

// Mozilla's "intermediate" set without the finite-field suites: forward secrecy and AEAD only. None
// is on HTTP/2's list of prohibited suites (RFC 9113 section 9.2.2), so that "h2" can be agreed on
// with each.
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr Bytes kPemMax = Bytes::mib(1);

/// The library's oldest complaint, as its text; empties its queue.
std::string complaint() {
    const unsigned long code = ERR_peek_error();
    const char* const reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != nullptr ? reason : "not usable";
}

int refuse_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
    return -1;
}

}  // namespace

struct TlsTicketKeys::Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
};

TlsTicketKeys::TlsTicketKeys() = default;
TlsTicketKeys::~TlsTicketKeys() = default;

void TlsTicketKeys::rotate(SteadyTime now) {
    if (!keys_.empty() && now < rotated_ + kTlsTicketKeyLife) {
        return;
    }
    Key fresh{};
    RAND_bytes(fresh.name.data(), static_cast<int>(fresh.name.size()));
    RAND_priv_bytes(fresh.cipher.data(), static_cast<int>(fresh.cipher.size()));
    RAND_priv_bytes(fresh.mac.data(), static_cast<int>(fresh.mac.size()));
    const std::scoped_lock lock(mutex_);
    keys_.insert(keys_.begin(), fresh);
    if (keys_.size() > kTlsTicketKeysKept) {
        keys_.resize(kTlsTicketKeysKept);
    }
    rotated_ = now;
}

std::string TlsTicketKeys::save(SteadyTime now) const {
    const std::scoped_lock lock(mutex_);
    const int64_t age = (now - rotated_).count();
    std::string saved(sizeof age + keys_.size() * sizeof(Key), '\0');
    std::memcpy(saved.data(), &age, sizeof age);
    std::memcpy(saved.data() + sizeof age, keys_.data(), keys_.size() * sizeof(Key));
    return saved;
}

bool TlsTicketKeys::restore(std::string_view saved, SteadyTime now) {
    int64_t age = 0;
    if (saved.size() <= sizeof age || (saved.size() - sizeof age) % sizeof(Key) != 0) {
        return false;
    }
    std::memcpy(&age, saved.data(), sizeof age);
    const size_t count = (saved.size() - sizeof age) / sizeof(Key);
    if (age < 0 || count > kTlsTicketKeysKept) {
        return false;
    }
    const std::scoped_lock lock(mutex_);
    keys_.resize(count);
    std::memcpy(keys_.data(), saved.data() + sizeof age, count * sizeof(Key));
    rotated_ = now - Duration(age);
    return true;
}

struct TlsServer::Context {
    Context() : context(SSL_CTX_new(TLS_server_method())) {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { SSL_CTX_free(context); }

    SSL_CTX* context;
    TlsFiles files;                  // Where its certificate comes from.
    std::vector<std::string> names;  // Of the certificate.
};

/// What the library calls during handshakes.
struct TlsServer::Callbacks {
    static const TlsServer& of(SSL* ssl) {
        return *static_cast<const TlsServer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    }
    static int choose_certificate(SSL* ssl, int* /*alert*/, void* /*argument*/) {
        const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (name != nullptr) {
            SSL_CTX* const wanted = of(ssl).context_for(name);
            if (wanted != SSL_get_SSL_CTX(ssl)) {
                SSL_set_SSL_CTX(ssl, wanted);
            }
        }
        return SSL_TLSEXT_ERR_OK;
    }
    static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                               const unsigned char* offered, unsigned size, void* /*argument*/) {
        const std::string& ours = of(ssl).alpn_;
        if (ours.empty()) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        unsigned char* chosen = nullptr;
        if (SSL_select_next_proto(
                &chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                static_cast<unsigned>(ours.size()), offered, size) != OPENSSL_NPN_NEGOTIATED) {
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        }
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
    }
    static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int encrypting) {
        const int found = of(ssl).ticket_key(name, iv, cipher, mac, encrypting != 0);
        // 2: with a fresh ticket. With TLS 1.3 always: a client should use each one only once
        // (RFC 8446 appendix C.4), and by the ticket a TlsStream proves the keys.
        return found == 1 && encrypting == 0 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : found;
    }
};

TlsServer::TlsServer() = default;
TlsServer::~TlsServer() = default;

int TlsServer::ticket_key(unsigned char* name, unsigned char* iv, void* cipher, void* mac,
                          bool encrypting) const {
    TlsTicketKeys::Key key{};
    bool newest = true;
    {
        const std::scoped_lock lock(keys_->mutex_);
        const auto& keys = keys_->keys_;
        const auto found =
            encrypting ? keys.begin() : std::ranges::find_if(keys, [&](const auto& each) {
                return std::memcmp(each.name.data(), name, each.name.size()) == 0;
            });
        if (found == keys.end()) {
            return 0;  // A full handshake.
        }
        newest = found == keys.begin();
        key = *found;
    }
    auto* const cipher_context = static_cast<EVP_CIPHER_CTX*>(cipher);
    if (encrypting) {
        std::ranges::copy(key.name, name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
            return -1;
        }
    }
    std::array<char, 7> digest = {"SHA256"};
    const std::array<OSSL_PARAM, 3> parameters = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    const bool ready =
        EVP_CipherInit_ex(cipher_context, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv,
                          encrypting ? 1 : 0) == 1 &&
        EVP_MAC_CTX_set_params(static_cast<EVP_MAC_CTX*>(mac), parameters.data()) == 1;
    OPENSSL_cleanse(&key, sizeof key);
    return !ready ? -1 : newest ? 1 : 2;
}

void TlsServer::configure(SSL_CTX* context, const TlsServerOptions& options) {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_min_proto_version(
        context, options.version_min == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_cipher_list(context, kSuites12);
    SSL_CTX_set_ciphersuites(context, kSuites13);
    SSL_CTX_set1_groups_list(context, kGroups);
    SSL_CTX_set_keylog_callback(context, &TlsStream::note_secret);
    SSL_CTX_set_default_passwd_cb(context, &refuse_pass_phrase);
    // Sessions live in tickets only: nothing is kept here, and every loop can take one up.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, static_cast<long>(kTlsSessionLife.count()));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &Callbacks::ticket_key);
    SSL_CTX_set_tlsext_servername_callback(context, &Callbacks::choose_certificate);
    SSL_CTX_set_alpn_select_cb(context, &Callbacks::choose_protocol, nullptr);
}

/// A session counts only where the same was asked of clients: the digest of that is its context.
Result<void> TlsServer::require_clients(SSL_CTX* context, const TlsServerOptions& options) {
    std::array<unsigned char, 32> session{};
    if (!options.client_ca.empty()) {
        SHORE_TRY(std::string pem, os::read_file(options.client_ca, kPemMax));
        pem += options.client_optional ? "optional" : "required";
        EVP_Digest(pem.data(), pem.size(), session.data(), nullptr, EVP_sha256(), nullptr);
        if (SSL_CTX_load_verify_file(context, options.client_ca.c_str()) != 1) {
            return fail(ErrorCode::kInvalid, "client_ca {}: {}", options.client_ca, complaint());
        }
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca.c_str()));
        const int required = options.client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
    }
    SSL_CTX_set_session_id_context(context, session.data(), session.size());
    return {};
}

Result<void> TlsServer::add_certificate(const TlsServerOptions& options, const TlsFiles& files) {
    SHORE_TRY(const std::string pem, os::read_file(files.certificate, kPemMax));
    auto facts = wire::read_certificate(pem);
    if (!facts) {
        return fail(std::move(facts).error().with(files.certificate));
    }
    auto added = std::make_unique<Context>();
    configure(added->context, options);
    SHORE_CHECK(require_clients(added->context, options));
    if (SSL_CTX_use_certificate_chain_file(added->context, files.certificate.c_str()) != 1) {
        return fail(ErrorCode::kInvalid, "certificate {}: {}", files.certificate, complaint());
    }
    if (SSL_CTX_use_PrivateKey_file(added->context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(added->context) != 1) {
        return fail(ErrorCode::kInvalid, "key {}: {}", files.key, complaint());
    }
    added->files = files;
    keep(std::move(added), facts->names);
    return {};
}

bool TlsServer::add_from(const TlsServer& other, const TlsServerOptions& options,
                         const TlsFiles& files) {
    const auto found = std::ranges::find_if(
        other.contexts_, [&files](const auto& each) { return each->files == files; });
    if (found == other.contexts_.end()) {
        return false;
    }
    SSL_CTX* const from = (*found)->context;
    STACK_OF(X509)* chain = nullptr;
    // The macro's own conversion. NOLINTNEXTLINE(bugprone-multi-level-implicit-pointer-conversion)
    SSL_CTX_get0_chain_certs(from, &chain);
    auto added = std::make_unique<Context>();
    configure(added->context, options);
    if (!require_clients(added->context, options) ||
        SSL_CTX_use_cert_and_key(added->context, SSL_CTX_get0_certificate(from),
                                 SSL_CTX_get0_privatekey(from), chain, 1) != 1) {
        return false;
    }
    added->files = files;
    keep(std::move(added), (*found)->names);
    return true;
}

void TlsServer::keep(std::unique_ptr<Context> added, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        by_name_.try_emplace(name, added->context);
    }
    added->names = names;
    contexts_.push_back(std::move(added));
}

Result<std::shared_ptr<const TlsServer>> TlsServer::open(
    const TlsServerOptions& options, std::shared_ptr<TlsTicketKeys> keys,
    std::span<const std::shared_ptr<const TlsServer>> before, std::vector<std::string>& warnings) {
    std::unique_ptr<TlsServer> server(new TlsServer());
    server->keys_ = std::move(keys);
    for (const std::string& protocol : options.alpn) {
        server->alpn_ += static_cast<char>(protocol.size());
        server->alpn_ += protocol;
    }
    for (const TlsFiles& files : options.certificates) {
        auto added = server->add_certificate(options, files);
        const auto has_it = [&](const auto& other) {
            return other && server->add_from(*other, options, files);
        };
        if (!added && std::ranges::none_of(before, has_it)) {
            warnings.push_back(added.error().text());
        }
    }
    if (server->contexts_.empty()) {
        return fail(ErrorCode::kInvalid, "no certificate can be used{}{}",
                    warnings.empty() ? "" : ": ", warnings.empty() ? "" : warnings.back());
    }
    return std::shared_ptr<const TlsServer>(std::move(server));
}

SSL_CTX* TlsServer::context_for(std::string_view server_name) const {
    const std::string name = base::to_lower(server_name);
    if (const auto exact = by_name_.find(name); exact != by_name_.end()) {
        return exact->second;
    }
    if (const size_t dot = name.find('.'); dot != std::string::npos) {
        if (const auto wild = by_name_.find("*" + name.substr(dot)); wild != by_name_.end()) {
            return wild->second;
        }
    }
    return contexts_.front()->context;
}

}  // namespace shore::net

// TlsServer: what handshakes of a listener go by: certificates by server name, protocol versions,
// ALPN, tickets, whose clients are let in. Immutable once open; a new one replaces it for new
// handshakes while open connections keep theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace shore::net {

/// Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1), shared by all loops, so that a
/// session begun on one is taken up on another. Any thread.
class TlsTicketKeys final {
 public:
    TlsTicketKeys();
    ~TlsTicketKeys();

    /// Every kTlsTicketKeyLife a fresh key; old ones decrypt until kTlsTicketKeysKept are newer.
    void rotate(SteadyTime now);
    /// All keys and the newest one's age, for the process that takes this one's place: then its
    /// clients resume. A secret.
    std::string save(SteadyTime now) const;
    /// Takes over what save() gave; false, and nothing changes, when it is not that.
    bool restore(std::string_view saved, SteadyTime now);

 private:
    friend class TlsServer;
    struct Key;
    mutable std::mutex mutex_;  // Per handshake, for a copy of 80 bytes.
    std::vector<Key> keys_;     // Newest first.
    SteadyTime rotated_{};
};

struct TlsFiles {
    std::string certificate;  ///< PEM: the certificate, then its chain.
    std::string key;          ///< PEM without a pass phrase.
    friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

enum class TlsVersion : uint8_t { k12, k13 };

struct TlsServerOptions {
    std::vector<TlsFiles> certificates;  ///< The first is the default.
    /// PEM of authorities; not empty: clients must bring a certificate of one of them.
    std::string client_ca;
    bool client_optional = false;  ///< Or may bring one; one that they bring must be good.
    TlsVersion version_min = TlsVersion::k12;
    /// In order of preference. A client that offers only others is refused (RFC 7301 section 3.2).
    /// Empty: whatever they offer is not answered, and none is refused.
    std::vector<std::string> alpn = {"http/1.1"};
};

class TlsServer final {
 public:
    /// Reads the files (blocking). Where a certificate's files cannot be used, as while somebody
    /// replaces them one by one, what one of `before` has of the same files goes on; without that
    /// it is left out and told in `warnings`. kInvalid when no certificate is left, or when
    /// client_ca cannot be read.
    static Result<std::shared_ptr<const TlsServer>> open(
        const TlsServerOptions& options, std::shared_ptr<TlsTicketKeys> keys,
        std::span<const std::shared_ptr<const TlsServer>> before,
        std::vector<std::string>& warnings);
    ~TlsServer();

    /// The certificate of that server name: exact, then wildcard, then the default.
    ssl_ctx_st* context_for(std::string_view server_name) const;

 private:
    friend class TlsStream;
    struct Context;
    struct Callbacks;
    TlsServer();

    Result<void> add_certificate(const TlsServerOptions& options, const TlsFiles& files);
    /// The certificate that `other` has of these files; false when it has none.
    bool add_from(const TlsServer& other, const TlsServerOptions& options, const TlsFiles& files);
    void keep(std::unique_ptr<Context> added, const std::vector<std::string>& names);
    void configure(ssl_ctx_st* context, const TlsServerOptions& options);
    Result<void> require_clients(ssl_ctx_st* context, const TlsServerOptions& options);
    int ticket_key(unsigned char* name, unsigned char* iv, void* cipher, void* mac,
                   bool encrypting) const;

    std::shared_ptr<TlsTicketKeys> keys_;
    std::string alpn_;  // As the protocol lists it: length, name.
    std::vector<std::unique_ptr<Context>> contexts_;
    std::map<std::string, ssl_ctx_st*, std::less<>> by_name_;  // Wildcards as "*.example.com".
};

}  // namespace shore::net

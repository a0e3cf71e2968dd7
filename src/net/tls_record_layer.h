// TlsRecordLayer: a server's TLS 1.3 connection behind its handshake, in place of the library's:
// both directions' records, and the little protocol that is left (RFC 8446): close_notify and other
// alerts, key updates.
//
// Why it exists: OpenSSL's object for a connection takes 14 KB, of which 10 cannot be given back
// while it lives; this takes 400 bytes when it idles. The handshake, certificates, tickets and the
// ciphers stay the library's, as with kernel TLS, which takes a connection over at the same point
// (docs/adr/0011).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/tls_traffic.h"

namespace shore::net {

/// What a handshake ended with.
struct TlsSecrets {
    uint16_t suite = 0;
    std::string client;  ///< client_application_traffic_secret_0; what the server reads by.
    std::string server;

    TlsSecrets() = default;
    TlsSecrets(const TlsSecrets&) = delete;
    TlsSecrets& operator=(const TlsSecrets&) = delete;
    /// Wipes them.
    ~TlsSecrets();
    /// Takes a line of the library's key log (SSLKEYLOGFILE's format); others are passed over.
    void take(std::string_view line);
};

/// A resource; one loop's.
class TlsRecordLayer final {
 public:
    /// `tickets`: the records that the library wrote with the new keys, at least one. Null when
    /// they cannot be read with the secrets: then keys or count are not what is believed here, and
    /// the library must go on by itself.
    static std::unique_ptr<TlsRecordLayer> take_over(const TlsSecrets& secrets,
                                                     std::string_view tickets);

    /// Appends both as records of application data. False: the connection is over.
    bool seal(std::string_view first, std::string_view second, std::string& out);
    /// Appends close_notify.
    bool seal_end(std::string& out);

    /// Copies what open() left over to `out`, room for kTlsRecordMax; returns its length. The next
    /// open() begins with it.
    size_t take_rest(char* out);
    /// A receive is not needed: open() has something to give.
    bool has_more() const { return more_; }

    enum class State : uint8_t { kOpen, kEnded, kBroken };
    State state() const { return state_; }
    /// Opens the records of `bytes` where they lie, the rest of the last call in front, as far as
    /// their content fits into `space`; returns how much it wrote there. What must be answered is
    /// appended to `answer`.
    size_t open(char* bytes, size_t size, char* space, size_t room, std::string& answer);

    /// Frees what an idle connection does not need.
    void rest();

 private:
    TlsRecordLayer(const TlsSecrets& secrets, const TlsSuite& suite, uint64_t written);

    enum class Alert : uint8_t {
        kCloseNotify = 0,
        kUnexpectedMessage = 10,
        kBadRecord = 20,
        kRecordOverflow = 22,
        kDecodeError = 50
    };
    bool seal_record(TlsContent content, std::string_view first, std::string_view second,
                     std::string& out);
    void fail(Alert why, std::string& answer);
    void on_alert(std::string_view alert, std::string& answer);
    void on_handshake(std::string_view message, std::string& answer);

    TlsTraffic read_;
    TlsTraffic write_;
    std::string encrypted_;  // Left over: the beginning of a record, or what did not fit.
    std::string plain_;      // Of a record that was larger than the room for it.
    State state_ = State::kOpen;
    bool more_ = false;
    bool updated_ = false;  // A key update was answered in this call.
};

}  // namespace shore::net

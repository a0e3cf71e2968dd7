// TlsStream: the server's side of TLS on a watched, non-blocking socket.
//
// The library makes the handshake, through a BIO of our own, and then gives a TLS 1.3 connection's
// keys to a TlsRecordLayer and goes away with its 14 KB. With TLS 1.2 it stays. Either way the
// records of one call are gathered and leave in one send, and a short read is remembered (no
// receive before the next edge). What the socket does not take at once stays here, encrypted, until
// the next call; so nobody waits for writing inside the library. Per small request: one recv, one
// send, no allocation while it is busy; release_buffers() frees what a connection that idles does
// not need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/watch.h"
#include "net/raw_io.h"
#include "net/tls_record_layer.h"
#include "net/tls_server.h"

struct bio_st;

namespace shore::net {

/// Memory that the streams of one loop share while a call lasts.
class TlsScratch final {
 public:
    TlsScratch();
    ~TlsScratch();

 private:
    friend class TlsStream;
    std::string records_;               // Encrypted, on its way out.
    std::unique_ptr<char[]> plain_;     // Two pieces that leave as one record.
    std::unique_ptr<char[]> file_;      // A piece of a file.
    std::unique_ptr<char[]> received_;  // Encrypted, on its way in.
};

/// Lives on the watch's loop. Watch, socket and scratch outlive it.
class TlsStream final {
 public:
    TlsStream(std::shared_ptr<const TlsServer> server, async::Watch& watch, int socket,
              TlsScratch& scratch);
    /// Says goodbye (close_notify) when that fits into the socket at once.
    ~TlsStream();

    enum class Handshake : uint8_t { kDone, kWantsRead, kWantsWrite, kFailed };
    /// A step of the handshake. A client that speaks plain HTTP gets an answer in it (kFailed).
    Handshake handshake_now();
    bool established() const { return established_; }
    /// What the client and this side agreed on ("h2"); empty without ALPN. Once established, like
    /// those below.
    std::string_view alpn() const { return alpn_; }
    bool resumed() const { return resumed_; }
    /// The client's certificate in DER form, checked against the listener's authorities; empty
    /// without one, and from the second call on.
    std::string take_client_certificate() { return std::move(client_certificate_); }

    /// As Transport's calls of these names. Reading marks the watch drained by itself.
    IoResult receive_now(char* space, size_t size);
    IoResult send_now(std::string_view first, std::string_view second);
    IoResult send_file_now(int file, uint64_t offset, size_t count);
    /// Something may be there though the socket is quiet.
    bool has_pending() const { return pending_; }
    bool has_unsent() const { return !unsent_.empty(); }
    /// No more will be sent: close_notify (RFC 8446 section 6.1).
    void end_writing();
    /// Frees what an idle connection does not need.
    void release_buffers();

    /// The library protects the records: TLS 1.2, or it could not be left.
    bool in_library() const { return ssl_ != nullptr; }

 private:
    friend class TlsServer;
    struct Bio;
    static void note_secret(const ssl_st* ssl, const char* line);
    void note_outcome();
    void leave_library();
    IoResult receive_from_library(char* space, size_t size);
    IoResult receive_records(char* space, size_t size);
    bool flush();
    bool encrypt(std::string_view first, std::string_view second);
    IoResult outcome(size_t taken);

    std::shared_ptr<const TlsServer> server_;
    async::Watch& watch_;
    int socket_;
    TlsScratch& scratch_;
    ssl_st* ssl_;                          // Null once records_ has taken over.
    std::unique_ptr<TlsSecrets> secrets_;  // While the handshake lasts.
    std::unique_ptr<TlsRecordLayer> records_;
    std::string unsent_;
    std::string alpn_;
    std::string client_certificate_;
    bool established_ = false;
    bool resumed_ = false;
    bool pending_ = false;
    bool failed_ = false;
    bool ended_writing_ = false;
};

}  // namespace shore::net

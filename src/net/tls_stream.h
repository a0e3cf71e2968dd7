// TlsStream: the server's side of TLS on a watched, non-blocking socket.
//
// Its own BIO makes the system calls: it remembers a short read (no receive before the next edge),
// and gathers the records of one call, so that they leave in one send. What the socket does not
// take at once stays here, encrypted, until the next call; so the library never waits for writing.
// Per small request: one recv, one send, no allocation; release_buffers() frees the library's
// 2 x 17 KB of a connection that idles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/watch.h"
#include "net/raw_io.h"
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
    std::string records_;            // Encrypted, on its way out.
    std::unique_ptr<char[]> plain_;  // Two pieces that leave as one record.
    std::unique_ptr<char[]> file_;   // A piece of a file.
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
    /// What the client and this side agreed on ("h2"); empty without ALPN.
    std::string_view alpn() const;
    bool resumed() const;
    /// The client's certificate in DER form, checked against the listener's authorities; empty
    /// without one.
    std::string client_certificate() const;

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

 private:
    struct Bio;
    bool flush();
    bool encrypt(std::string_view bytes);
    IoResult outcome(size_t taken);

    std::shared_ptr<const TlsServer> server_;
    async::Watch& watch_;
    int socket_;
    TlsScratch& scratch_;
    ssl_st* ssl_;
    std::string unsent_;
    bool established_ = false;
    bool pending_ = false;
    bool failed_ = false;
    bool ended_writing_ = false;
};

}  // namespace shore::net

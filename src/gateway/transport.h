// Transport: a client's socket as connections and exchanges use it: receive what is there, send
// what fits, know when to wait. Plain is inline, one system call a call; readiness is kept here, so
// that nobody else marks the watch. With TLS the bytes here are those inside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "async/loop.h"
#include "async/watch.h"
#include "net/raw_io.h"
#include "net/tls_stream.h"
#include "os/fd.h"

namespace shore::gateway {

/// Lives on its loop's thread. Non-blocking throughout.
class Transport final {
 public:
    Transport(async::Loop& loop, os::Fd socket) : socket_(std::move(socket)), watch_(loop) {}
    ~Transport() {
        tls_.reset();
        watch_.stop();
    }

    /// Begins to watch the socket.
    Result<void> start() { return watch_.start(socket_.get()); }
    /// From now on the socket speaks TLS; a handshake follows. `scratch` is the loop's.
    void secure(std::shared_ptr<const net::TlsServer> server, net::TlsScratch& scratch) {
        tls_ = std::make_unique<net::TlsStream>(std::move(server), watch_, socket_.get(), scratch);
    }
    /// Of the socket; for what Transport does not do.
    int descriptor() const { return socket_.get(); }
    bool is_secure() const { return tls_ != nullptr; }
    /// Null for a plain one.
    net::TlsStream* tls() { return tls_.get(); }
    /// What the handshake agreed on: "h2", "http/1.1"; empty without ALPN and without TLS.
    std::string_view protocol() const { return tls_ ? tls_->alpn() : std::string_view(); }
    /// For waiting: ReadyBy(watch(), ...), once is_readable() is false or a send said kAgain.
    async::Watch& watch() { return watch_; }
    /// A receive may give something. Look here, not at the watch, before waiting for it.
    bool is_readable() const {
        return watch_.is_readable() || (tls_ != nullptr && tls_->has_pending());
    }
    /// The peer has closed its sending side, or the connection is broken.
    bool hung_up() const { return watch_.hung_up(); }

    /// At most `size` bytes (not 0). kAgain: wait until readable.
    net::IoResult receive_now(char* space, size_t size) {
        if (tls_ != nullptr) {
            return tls_->receive_now(space, size);
        }
        const net::IoResult got = net::receive_now(socket_.get(), space, size);
        if (got.count < size) {
            watch_.read_drained();
        }
        return got;
    }
    /// Takes as much of both, in order, as it can; `count` bytes are taken care of. kAgain: wait
    /// until writable, then call again with the rest, also with nothing left.
    net::IoResult send_now(std::string_view first, std::string_view second = {}) {
        if (tls_ != nullptr) {
            return tls_->send_now(first, second);
        }
        return note(net::send_now(socket_.get(), first, second));
    }
    /// The same with `head` and, behind it, at most `count` bytes of a file. kEnd when `head` is
    /// empty and the file ends at `offset`.
    net::IoResult send_file_now(std::string_view head, int file, uint64_t offset, size_t count) {
        if (tls_ != nullptr) {
            return head.empty() ? tls_->send_file_now(file, offset, count)
                                : tls_->send_now(head, {});
        }
        return note(net::send_file_now(socket_.get(), head, file, offset, count));
    }
    /// Bytes were taken and have not left yet: wait until writable, then send_now() once more.
    bool has_unsent() const { return tls_ != nullptr && tls_->has_unsent(); }
    /// Ends one or both directions (SHUT_RD, SHUT_WR, SHUT_RDWR).
    void shut_down(int how) {
        if (tls_ != nullptr && how != SHUT_RD) {
            tls_->end_writing();
        }
        net::shut_down(socket_.get(), how);
    }
    /// Frees what a connection that idles does not need.
    void release_buffers() {
        if (tls_ != nullptr) {
            tls_->release_buffers();
        }
    }

 private:
    net::IoResult note(net::IoResult sent) {
        if (sent.status == net::IoStatus::kAgain) {
            watch_.write_full();
        }
        return sent;
    }

    os::Fd socket_;
    async::Watch watch_;
    std::unique_ptr<net::TlsStream> tls_;  // Null: plain.
};

}  // namespace shore::gateway

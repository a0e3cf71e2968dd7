// Stream: a connected, non-blocking stream socket on a loop. Writing waits while the peer does not
// read: that is the back-pressure.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "async/deadline.h"
#include "async/task.h"
#include "async/watch.h"
#include "net/address.h"
#include "os/fd.h"

namespace shore::net {

/// One reader and one writer at a time; lives on its loop's thread. The buffers belong to the
/// caller and outlive the awaited call. After a failure or a timeout in the middle of a write,
/// close it: the peer has a part.
class Stream final {
 public:
    /// Takes over a connected, non-blocking socket.
    static Result<std::unique_ptr<Stream>> open(async::Loop& loop, os::Fd socket);

    /// At least one byte, or 0 at the end. kTimeout; kUnavailable when the connection broke.
    async::Task<Result<size_t>> read_some(std::span<char> buffer, async::Deadline deadline);
    /// All of `bytes`. kTimeout counts from no progress only if the caller renews the deadline;
    /// kUnavailable when the peer is gone.
    async::Task<Result<void>> write_all(std::string_view bytes, async::Deadline deadline);
    /// Both in order, with one system call in the usual case.
    async::Task<Result<void>> write_all(std::string_view first, std::string_view second,
                                        async::Deadline deadline);
    /// `count` bytes of `file` from `offset`, without copying through the program. kCorrupt when
    /// the file is shorter.
    async::Task<Result<void>> send_file(int file, uint64_t offset, uint64_t count,
                                        async::Deadline deadline);

    /// Bytes read without waiting: 0 at the end, nothing when none are there.
    Result<std::optional<size_t>> try_read(std::span<char> buffer);

    /// For who reads by other means (recvmsg): call after EAGAIN; returns when there may be
    /// something. kTimeout.
    async::Task<Result<void>> wait_readable(async::Deadline deadline);
    /// Likewise for writing.
    async::Task<Result<void>> wait_writable(async::Deadline deadline);

    /// Waits until the peer closes its side or the connection breaks; bytes that arrive before are
    /// left unread, and end the wait too (false). Not while reading.
    async::Task<bool> peer_closes(async::Deadline deadline = async::Deadline::never());
    /// What is known without asking: the peer has closed its side or is gone.
    bool peer_closed() const { return ended_ || watch_.hung_up(); }

    /// Tells the peer that nothing more will come; reading goes on.
    Result<void> shutdown_write();
    /// Closes at once. May be called twice.
    void close();
    /// Stops watching and gives the socket away.
    os::Fd release();

    int descriptor() const { return socket_.get(); }
    async::Loop& loop() { return watch_.loop(); }

 private:
    Stream(async::Loop& loop, os::Fd socket) : socket_(std::move(socket)), watch_(loop) {}

    os::Fd socket_;
    async::Watch watch_;
    bool ended_ = false;  // A read has said so.
};

}  // namespace shore::net

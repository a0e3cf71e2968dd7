// One system call on a non-blocking socket, with its result as a plain enum: for hot paths that
// bring their own waiting. Everything else uses Stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sys/socket.h>

#include "base/result.h"
#include "os/fd.h"

namespace shore::net {

enum class IoStatus : uint8_t {
    kDone,    ///< `count` bytes moved; at least one.
    kAgain,   ///< Nothing now.
    kEnd,     ///< Receiving: the peer has ended its side.
    kBroken,  ///< The connection is gone.
};

struct IoResult {
    IoStatus status = IoStatus::kBroken;
    size_t count = 0;
};

/// recv(2). `size` must not be 0.
IoResult receive_now(int socket, char* buffer, size_t size);
/// As receive_now, and leaves the bytes where they are.
IoResult peek_now(int socket, char* buffer, size_t size);
/// send(2) without SIGPIPE.
IoResult send_now(int socket, std::string_view bytes);
/// sendmsg(2) of both in order.
IoResult send_now(int socket, std::string_view first, std::string_view second);
/// `head` and, behind it, at most `count` bytes of a file from `offset` by sendfile(2), with
/// MSG_MORE between the two, so that they leave together. The result counts both. kEnd when the
/// file ends at `offset` and `head` is empty.
IoResult send_file_now(int socket, std::string_view head, int file, uint64_t offset, size_t count);
/// splice(2) of at most `count` bytes between a socket and a pipe, either way. kEnd: the socket's
/// peer has ended its side.
IoResult splice_now(int from, int to, size_t count);
/// True when a receive would wait: the connection is open and quiet. Takes nothing off it.
bool is_quiet(int socket);

struct ConnectAttempt {
    os::Fd socket;           ///< Empty when it failed at once.
    bool connected = false;  ///< Otherwise: wait until writable, then ask connect_outcome().
};
/// Opens a TCP socket (TCP_NODELAY) and begins to connect. Fails with the reason when that is known
/// at once.
Result<ConnectAttempt> begin_connect(const sockaddr_storage& address, socklen_t length);
/// What became of it. kUnavailable when refused.
Result<void> connect_outcome(int socket);
/// Asks the peer now and then whether it is still there (SO_KEEPALIVE): for connections that may be
/// quiet for hours.
void keep_alive(int socket);
/// Ends one or both directions; errors do not matter to who ends.
void shut_down(int socket, int how);

}  // namespace shore::net

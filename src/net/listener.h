// Listener: a socket that accepts stream connections, TCP or Unix.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "async/deadline.h"
#include "async/task.h"
#include "async/watch.h"
#include "net/address.h"
#include "os/fd.h"

namespace shore::net {

struct ListenOptions {
    int backlog = 1024;
    bool reuse_port = false;  ///< SO_REUSEPORT: several listeners (a loop each) share the port; the
                              ///< kernel spreads.
    bool ipv6_only = false;   ///< [::] without IPv4.
    mode_t unix_mode = 0600;  ///< Of the socket file.
};

/// Opens a bound, listening, non-blocking socket: for who brings an own accept loop. A Unix path
/// that nobody answers any more (its owner died) is replaced; one that answers is kConflict, as is
/// a TCP port in use.
Result<os::Fd> open_listening_socket(const Address& address, const ListenOptions& options = {});

struct Accepted {
    os::Fd socket;  ///< Non-blocking, close-on-exec, TCP_NODELAY.
    Address peer;
};

/// Accepts on a loop; lives on its thread. A Unix socket's file is removed on destruction, unless
/// another has taken its place.
class Listener final {
 public:
    static Result<std::unique_ptr<Listener>> open(async::Loop& loop, const Address& address,
                                                  const ListenOptions& options = {});
    /// Takes over a listening socket (handed over, or opened elsewhere). Its file, if any, stays
    /// when this ends.
    static Result<std::unique_ptr<Listener>> adopt(async::Loop& loop, os::Fd socket);
    ~Listener();

    /// The next connection. Waits out a lack of descriptors (it retries each kAcceptRetry);
    /// kTimeout at the deadline; other failures mean that the listener is broken.
    async::Task<Result<Accepted>> accept(async::Deadline deadline = async::Deadline::never());
    /// As accept, without waiting: nothing when no connection waits.
    Result<std::optional<Accepted>> try_accept();

    /// With the port that the kernel chose when 0 was asked for.
    const Address& address() const { return address_; }
    int descriptor() const { return socket_.get(); }
    /// Stops accepting and gives the socket away.
    os::Fd release();

 private:
    Listener(async::Loop& loop, os::Fd socket, Address address)
        : socket_(std::move(socket)), watch_(loop), address_(std::move(address)) {}

    os::Fd socket_;
    async::Watch watch_;
    Address address_;
    bool owns_path_ = false;
    ino_t path_inode_ = 0;
};

}  // namespace shore::net

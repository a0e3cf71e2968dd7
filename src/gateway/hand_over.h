// Hand-over: a gateway that starts with the listening sockets of the one that runs, so that an
// upgrade refuses no connection and closes none.
//
//   new                                    old (run/gateway.sock)
//   {"hand_over": true}              ->    renames its control socket to run/gateway.PID.sock
//                                    <-    {"listen": "http://:8080", "count": 2} + descriptors
//                                    <-    {"handed_over": "…/gateway.PID.sock",
//                                           "ticket_keys": BASE64}
//   opens run/gateway.sock, accepts
//   {"taken_over": true}             ->    accepts no more, ends what it has, leaves
//
// Both accept for a moment; a connection waiting in a socket's queue belongs to whoever is first.
// When the new one goes away before "taken_over", the old one takes its socket's name back.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "net/stream.h"
#include "os/fd.h"

namespace shore::gateway {

/// Listening sockets by listener, as to_text(ListenAddress) writes it.
using Inherited = std::map<std::string, std::vector<os::Fd>>;

/// What the new gateway got. Destroying it before confirm() gives everything back.
class HandOver final {
 public:
    /// Asks the gateway at `socket_path`. An empty one when nobody answers there: then there is
    /// nothing to take over. kUnavailable when it stops in the middle, kTimeout, kCorrupt.
    static async::Task<Result<HandOver>> ask(async::Loop& loop, std::string socket_path);

    bool empty() const { return stream_ == nullptr; }
    Inherited take_sockets() { return std::move(sockets_); }
    /// As net::TlsTicketKeys::save() gave them; empty from a gateway that does not tell.
    const std::string& ticket_keys() const { return ticket_keys_; }
    /// From now on the old one accepts nothing.
    async::Task<Result<void>> confirm();

 private:
    std::unique_ptr<net::Stream> stream_;
    Inherited sockets_;
    std::string ticket_keys_;
};

/// The old gateway's side: sends `sockets` (kept by the caller), the keys of TLS session tickets,
/// and where it can be reached now.
async::Task<Result<void>> send_hand_over(net::Stream& stream, const Inherited& sockets,
                                         std::string socket_path, std::string ticket_keys);

}  // namespace shore::gateway

// Is a TCP port free, and which one is: for instances that are told their port.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace shore::net {

/// True when a server could listen on `port` on every local address now. It is a look, not a
/// reservation: another program may take the port right after. kPermission for ports that this user
/// may not bind.
Result<bool> is_tcp_port_free(uint16_t port);

/// The first free port of [first, last] at or after `start`, wrapping around once. kExhausted when
/// none is.
Result<uint16_t> find_free_tcp_port(uint16_t first, uint16_t last, uint16_t start);

/// True when something accepts connections on 127.0.0.1:`port`. Answers at once (loopback connects
/// do not wait).
bool is_tcp_port_open(uint16_t port);

}  // namespace shore::net

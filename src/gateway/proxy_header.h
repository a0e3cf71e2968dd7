// The PROXY protocol at the gateway's sockets: taking a balancer's header off a connection, and
// telling an instance who its client is.
#pragma once

#include "async/task.h"
#include "gateway/network.h"
#include "gateway/shard.h"
#include "gateway/transport.h"
#include "wire/limits.h"
#include "wire/proxy_protocol.h"

namespace shore::gateway {

/// Reads the header with which a connection must begin, and nothing behind it: what follows, TLS or
/// not, is the client's. Sets `client` to what the header says; LOCAL and UNKNOWN leave it. False,
/// and counted, when there is no valid header within `patience`.
async::Task<bool> take_proxy_header(Shard& shard, Transport& transport, Duration patience,
                                    ClientAddress& client);

/// Tells an instance, on its fresh connection `to`, of `client`, whose own connection is `from`.
/// `version` is 1 or 2. False when it cannot be sent at once.
bool send_proxy_header(uint8_t version, const ClientAddress& client, int from, int to);

}  // namespace shore::gateway

// Names with the time for which their addresses may be kept: DNS asked by the C library's resolver
// (RFC 1035, RFC 3596). Blocking: on a worker, never on a loop.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace shore::net {

struct DnsAnswer {
    std::vector<Address> addresses;  ///< Sorted, so that two answers can be compared.
    Duration ttl{};                  ///< The least of the answer's records.
};

/// The IPv4 and IPv6 addresses of `host`. `servers` ("127.0.0.1:5353", at most 3) are asked in
/// place of the machine's; without them names that only the machine knows (/etc/hosts) are found
/// too, and kept for 30 s. kNotFound when the name has no address, kUnavailable when nobody
/// answers, kInvalid for servers that are no addresses.
Result<DnsAnswer> look_up_blocking(const std::string& host, uint16_t port,
                                   std::span<const std::string> servers);

}  // namespace shore::net

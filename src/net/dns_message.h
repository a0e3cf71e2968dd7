// An answer of a DNS server as bytes (RFC 1035 section 4): the addresses in it and how long they
// may be kept. Pure; the bytes are anybody's.
#pragma once

#include <cstdint>
#include <span>

#include "net/dns.h"

namespace shore::net {

/// Adds the message's addresses of `type` (ns_t_a, ns_t_aaaa) with that port, and lowers the time
/// to live to the least of its records: aliases on the way to the addresses limit it, too. False
/// when the bytes are no DNS message; records that are broken are passed over.
bool take_dns_message(std::span<const unsigned char> message, int type, uint16_t port,
                      DnsAnswer& answer);

}  // namespace shore::net

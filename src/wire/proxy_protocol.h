// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt): what a
// load balancer puts in front of a connection's bytes, so that the server learns who the client is.
// Pure; both directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "wire/http1_head.h"

namespace shore::wire {

/// One end of a connection; an IPv4 address in its IPv6 form (::ffff:a.b.c.d).
struct ProxyEnd {
    std::array<uint8_t, 16> address{};
    uint16_t port = 0;
    friend bool operator==(const ProxyEnd&, const ProxyEnd&) = default;
};

struct ProxyHeader {
    size_t size = 0;     ///< Bytes that it takes; the connection's own begin behind it.
    bool local = false;  ///< LOCAL, UNKNOWN or no address: the peer speaks for itself.
    ProxyEnd source;
    ProxyEnd destination;
};

enum class ProxyVersion : uint8_t { kNone = 0, k1 = 1, k2 = 2 };

/// Reads a header of either version from data[0, size). kMore: ask again with more bytes, which are
/// never more than kProxyHeaderBytesMax. kBad: no header, or not to the letter. TLVs of version 2
/// are skipped; they must fill their space exactly.
ParseStatus parse_proxy_header(const char* data, size_t size, ProxyHeader& header);

/// Writes a header of that version (not kNone) for a TCP connection; `out` has room for
/// kProxyHeaderWrittenMax. Returns its length. Two IPv4 ends are told as TCP4, others as TCP6.
size_t write_proxy_header(ProxyVersion version, const ProxyEnd& source, const ProxyEnd& destination,
                          char* out);

}  // namespace shore::wire

// Reply: how a stored answer answers one request: whole, a part of it (RFC 9110 section 14), or 304
// and 412 to a condition (section 13); and its head. Pure; allocates nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/entry.h"

namespace shore::cache {

struct Reply {
    uint16_t status = 200;
    uint64_t first = 0;     ///< Offset in the body.
    uint64_t count = 0;     ///< Bytes of the body that belong to it.
    bool has_body = false;  ///< They are sent: not to HEAD, nor with 304 and 416.
};

Reply plan_reply(const Entry& entry, const RequestView& request);

/// What is said about the answer besides its own fields.
struct ReplyHead {
    int64_t age_seconds = 0;
    std::string_view cache_status;     ///< "shore; hit; ttl=12" (RFC 9211); empty: no line.
    std::string_view request_id;       ///< Likewise.
    std::string_view connection_line;  ///< "Connection: close\r\n", or empty.
};

/// Bytes that the head takes at most.
size_t head_size_max(const Entry& entry, const ReplyHead& with);
/// Writes the head with its empty line; returns its length.
size_t write_head(const Entry& entry, const Reply& reply, const ReplyHead& with, char* out);

}  // namespace shore::cache

// Rewriting heads on their way through: hop-by-hop fields out, forwarding fields in. Pure; each
// call writes one head into memory of the caller and allocates nothing.
//
// Runs of lines that pass unchanged are copied with one memcpy.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/content_policy.h"
#include "gateway/header_edits.h"
#include "wire/http1_head.h"

namespace shore::gateway {

/// A rewritten head is at most this much longer than the original: the fields added below with
/// their longest values (a host of 260 bytes twice, an address of 45 three times, an id of 128).
/// A response gets a route's edits besides (kEditBytesMax, kSessionBytesMax).
inline constexpr size_t kHeadGrowthMax = 2048;

struct RequestRewrite {
    const char* data = nullptr;  ///< What `head` was parsed from.
    const wire::RequestHead* head = nullptr;
    std::string_view path;    ///< As sent on, without the query; begins with '/'.
    std::string_view client;  ///< The peer's address as text.
    std::string_view request_id;
    std::string_view traceparent;  ///< In place of the client's; empty: passed as it is.
    bool trace_continued = true;   ///< False: tracestate is not passed on.
    bool decoded = false;  ///< The body is sent decompressed: in chunks, or with its length.
    std::optional<uint64_t> decoded_length;
    std::string_view client_certificate;  ///< Client-Cert's value; the caller made room for it.
    std::string_view fallback_host;       ///< When an HTTP/1.0 client named none.
    bool client_is_ipv6 = false;
    bool secure = false;             ///< The client speaks TLS.
    bool trusted = false;            ///< The peer is a proxy whose forwarding fields are believed.
    bool upgrade = false;            ///< Pass Upgrade on.
    bool expect_continue = false;    ///< Pass Expect: 100-continue on.
    bool unconditional = false;      ///< The answer is for the cache: the client's conditions stay.
    std::string_view if_none_match;  ///< The cache's own, at most cache::kEntityTagMax.
    std::string_view if_modified_since;    ///< Likewise.
    const CompiledEdits* edits = nullptr;  ///< The route's; the caller made room for them.
};

/// Writes the request's head as HTTP/1.1 at `out` (room for head.size + kHeadGrowthMax); returns
/// its length.
size_t rewrite_request(const RequestRewrite& from, char* out);

struct ResponseRewrite {
    const char* data = nullptr;
    const wire::ResponseHead* head = nullptr;
    std::string_view date;                 ///< For a response without Date.
    std::string_view request_id;           ///< For one without X-Request-Id.
    std::string_view cache_status;         ///< What the cache did (RFC 9211); empty: nothing.
    ContentPlan content;                   ///< Its coding, and fields to add.
    std::string_view added;                ///< Whole lines for answers over TLS.
    bool chunked = false;                  ///< The body is sent in chunks.
    bool upgrade = false;                  ///< A 101 that is passed on.
    bool close = false;                    ///< The client's connection ends behind it.
    bool keep_alive_told = false;          ///< An HTTP/1.0 client is told that it stays.
    const CompiledEdits* edits = nullptr;  ///< The route's: at most kEditBytesMax more.
    std::string_view extra_fields;         ///< Whole lines: at most kSessionBytesMax.
};

/// Likewise for a response.
size_t rewrite_response(const ResponseRewrite& from, char* out);

/// The request id that a trusted proxy sent, when it is fit for logs; else empty.
std::string_view believable_request_id(const char* data, const wire::RequestHead& head);

}  // namespace shore::gateway

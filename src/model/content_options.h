// ContentOptions: what the gateway does to the content of answers on their way to clients:
// compression, security headers, the memory for hot files, the response cache. Options of
// x-shore.gateway; the defaults stand here. Their JSON form: content_json.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace shore::model {

/// How much CPU a compressed byte may cost. Stored by number.
enum class CompressLevel : uint8_t { kFast = 1, kBalanced = 2, kSmall = 3 };

/// Media types compressed by default: text in its many forms, and formats that do not compress
/// themselves. Not text/event-stream: its events are small, and each stream would hold the memory
/// of an encoder for as long as it lives.
std::vector<std::string> default_compress_types();

struct CompressOptions {
    bool enabled = true;
    /// Preferred first where a client likes several alike: "zstd", "br", "gzip".
    std::vector<std::string> codings = {"zstd", "br", "gzip"};
    /// "text/html", "text/*" and "application/*+json".
    std::vector<std::string> types = default_compress_types();
    /// A body known to be shorter is sent as it is: it fits one packet either way.
    Bytes size_min = Bytes::kib(1);
    CompressLevel level = CompressLevel::kBalanced;
    /// Also answers that a browser's credentials asked for from another site (BREACH).
    bool with_credentials = false;
    friend bool operator==(const CompressOptions&, const CompressOptions&) = default;
};

/// Fields added to answers that lack them; an empty value adds none.
struct SecurityHeaderOptions {
    bool enabled = true;
    bool nosniff = true;                       ///< X-Content-Type-Options, on every answer.
    std::string frame_options = "SAMEORIGIN";  ///< X-Frame-Options, on HTML.
    std::string referrer_policy = "strict-origin-when-cross-origin";  ///< On HTML.
    friend bool operator==(const SecurityHeaderOptions&, const SecurityHeaderOptions&) = default;
};

/// The response cache of all routes together; a route takes part by CachePolicy::enabled.
struct CacheOptions {
    Bytes memory = Bytes::mib(512);  ///< Heads, bodies and index; hard.
    uint64_t entries = 10'000;       ///< Stored answers in memory; hard.
    Bytes object = Bytes::mib(16);   ///< Largest body that is stored.
    Bytes disk{0};                   ///< Files in the state directory; hard; 0: none.
    friend bool operator==(const CacheOptions&, const CacheOptions&) = default;
};

struct ContentOptions {
    CompressOptions compress;
    SecurityHeaderOptions security;
    Bytes file_cache = Bytes::mib(64);  ///< Memory for hot static files, all loops together.
    CacheOptions cache;
    friend bool operator==(const ContentOptions&, const ContentOptions&) = default;
};

}  // namespace shore::model

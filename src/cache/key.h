// Key: what an answer is stored under: the URL as clients know it, who answers, by which route, and
// the target as the app sees it: "http://host/api/a?q shop/web 0123456789abcdef /a?q". What changes
// any of them changes the key, so that no two services, routes or versions of a route share an
// answer. The hash is of the URL alone: purging one URL finds all that is stored for it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace shore::cache {

/// The random key of one process's hashes: whoever sends requests cannot choose which collide.
struct HashSeed {
    uint64_t first = 0;
    uint64_t second = 0;
};

/// SipHash-1-3 (Aumasson and Bernstein, 2012).
uint64_t siphash(const HashSeed& seed, std::string_view text);

struct Key {
    std::string_view text;
    uint64_t hash = 0;  ///< Of url_of(text).
};

struct KeyParts {
    std::string_view scheme;     ///< "http"
    std::string_view authority;  ///< As the client sent it.
    std::string_view path;       ///< "/" when empty.
    std::string_view query;      ///< With its '?'.
    std::string_view owner;      ///< Who answers: "shop/api".
    std::string_view route;      ///< Names the route as it is configured now.
    std::string_view inner;      ///< The path as the app sees it, and what else it is told.
};

/// Writes the key's text, the authority in lower case, into `out` of kKeyBytesMax bytes; empty when
/// it does not fit.
std::string_view write_key(const KeyParts& parts, char* out);

/// The URL of a key, and who answers.
std::string_view url_of(std::string_view key);
std::string_view owner_of(std::string_view key);

}  // namespace shore::cache

#include "cache/key.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cache/limits.h"
#include "wire/ascii.h"

namespace shore::cache {

namespace {

struct State {
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint64_t d;

    void round() {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }
};

}  // namespace

uint64_t siphash(const HashSeed& seed, std::string_view text) {
    State state{seed.first ^ 0x736f6d6570736575ULL, seed.second ^ 0x646f72616e646f6dULL,
                seed.first ^ 0x6c7967656e657261ULL, seed.second ^ 0x7465646279746573ULL};
    const uint64_t length = text.size();
    while (text.size() >= 8) {
        uint64_t word = 0;
        std::memcpy(&word, text.data(), 8);
        state.d ^= word;
        state.round();
        state.a ^= word;
        text.remove_prefix(8);
    }
    uint64_t last = 0;
    std::memcpy(&last, text.data(), text.size());
    last |= length << 56U;
    state.d ^= last;
    state.round();
    state.a ^= last;
    state.c ^= 0xff;
    state.round();
    state.round();
    state.round();
    return state.a ^ state.b ^ state.c ^ state.d;
}

std::string_view write_key(const KeyParts& parts, char* const out) {
    const std::string_view path = parts.path.empty() ? std::string_view("/") : parts.path;
    const size_t size = parts.scheme.size() + 3 + parts.authority.size() + path.size() +
                        parts.query.size() + 3 + parts.owner.size() + parts.route.size() +
                        parts.inner.size();
    if (size > kKeyBytesMax) {
        return {};
    }
    char* at = out;
    const auto put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
    put(parts.scheme);
    put("://");
    for (const char c : parts.authority) {
        *at++ = wire::lower(c);
    }
    put(path);
    put(parts.query);
    put(" ");
    put(parts.owner);
    put(" ");
    put(parts.route);
    put(" ");
    put(parts.inner);
    return {out, size};
}

// Neither URLs nor names hold a space.
std::string_view url_of(std::string_view key) {
    return key.substr(0, key.find(' '));
}

std::string_view owner_of(std::string_view key) {
    key.remove_prefix(std::min(url_of(key).size() + 1, key.size()));
    return key.substr(0, key.find(' '));
}

}  // namespace shore::cache

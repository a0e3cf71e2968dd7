#include "os/random.h"

#include <cerrno>

#include <sys/random.h>

#include "base/assert.h"

namespace shore::os {

void random_bytes(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = getrandom(out.data(), out.size(), 0);
        SHORE_ASSERT(got > 0 || errno == EINTR);
        if (got > 0) {
            out = out.subspan(static_cast<size_t>(got));
        }
    }
}

uint64_t random_seed() {
    uint64_t seed = 0;
    random_bytes(std::as_writable_bytes(std::span(&seed, 1)));
    return seed;
}

std::string random_hex(size_t bytes) {
    std::vector<std::byte> raw(bytes);
    random_bytes(raw);
    std::string text;
    text.reserve(bytes * 2);
    for (const std::byte byte : raw) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        text += kDigits[std::to_integer<size_t>(byte >> 4)];
        text += kDigits[std::to_integer<size_t>(byte & std::byte{15})];
    }
    return text;
}

}  // namespace shore::os

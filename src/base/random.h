// Random: randomness as a parameter. Tests seed it and print the seed; the program seeds it from
// the kernel. Not for secrets: those come from os::random_bytes.
#pragma once

#include <cstdint>
#include <string>

namespace shore::base {

/// xoshiro256** (Blackman, Vigna 2018). One thread.
class Random final {
 public:
    explicit Random(uint64_t seed);

    uint64_t next();
    /// Uniform in [0, bound); bound must not be 0.
    uint64_t below(uint64_t bound);
    /// Uniform in [0, 1).
    double unit();
    /// `length` characters of lower-case base 32 (no i, l, o, u).
    std::string text(size_t length);

 private:
    uint64_t state_[4];
};

}  // namespace shore::base

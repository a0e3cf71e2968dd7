// Randomness from the kernel: for secrets and for seeding base::Random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace shore::os {

/// Fills `out` with bytes fit for secrets. Cannot fail on a running system; aborts if it does.
void random_bytes(std::span<std::byte> out);
uint64_t random_seed();
/// `bytes` random bytes as lower-case hexadecimal, twice as long.
std::string random_hex(size_t bytes);

}  // namespace shore::os

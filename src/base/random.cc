#include "base/random.h"

#include "base/assert.h"

namespace shore::base {

namespace {

uint64_t rotate_left(uint64_t value, int by) {
    return (value << by) | (value >> (64 - by));
}

}  // namespace

Random::Random(uint64_t seed) {
    // splitmix64 spreads the seed, so that neighbouring seeds give unrelated walks.
    for (uint64_t& word : state_) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        word = mixed ^ (mixed >> 31);
    }
}

uint64_t Random::next() {
    const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
}

uint64_t Random::below(uint64_t bound) {
    SHORE_ASSERT(bound > 0);
    const uint64_t usable = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value = next();
    while (value >= usable) {
        value = next();
    }
    return value % bound;
}

double Random::unit() {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::string Random::text(size_t length) {
    static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    std::string text(length, '0');
    for (char& c : text) {
        c = kAlphabet[next() >> 59];
    }
    return text;
}

}  // namespace shore::base

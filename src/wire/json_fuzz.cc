// Any bytes as JSON: what is read is written as a text that reads as the same value. Of numbers
// only the value counts: 2e3 is written as 2000, which reads as an integer; and the library that
// reads them is not exact in the last bits.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/json.h"

namespace shore::wire {
namespace {

bool is_number(const Json& value) {
    return value.kind() == Json::Kind::kInteger || value.kind() == Json::Kind::kNumber;
}

bool alike(const Json& a, const Json& b) {
    if (is_number(a) && is_number(b)) {
        const double size = std::max(std::abs(a.number()), std::abs(b.number()));
        // Subnormal numbers have few bits; all of them are alike.
        return std::abs(a.number() - b.number()) <= size * 1e-14 || size < 1e-300;
    }
    if (a.kind() != b.kind() || a.text() != b.text() || a.truth() != b.truth()) {
        return false;
    }
    return std::ranges::equal(a.items(), b.items(), alike) &&
           std::ranges::equal(a.members(), b.members(), [](const auto& one, const auto& other) {
               return one.key == other.key && alike(one.value, other.value);
           });
}

void check(std::string_view text) {
    const auto value = Json::parse(text);
    if (!value) {
        return;
    }
    for (const std::string& written : {value->dump(), value->dump_indented()}) {
        const auto again = Json::parse(written);
        SHORE_ASSERT(again && alike(*again, *value));
    }
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::wire::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

// Range with any bytes: a part lies within the body, and says what a field written from it says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/assert.h"
#include "wire/byte_range.h"

namespace shore::wire {
namespace {

void check(std::string_view field) {
    for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX}) {
        const ByteRange range = parse_byte_range(field, size);
        if (range.outcome != RangeOutcome::kPart) {
            SHORE_ASSERT(range.first == 0 && range.count == 0);
            continue;
        }
        SHORE_ASSERT(range.count > 0 && range.first < size && range.count <= size - range.first);
        const ByteRange again = parse_byte_range(
            fmt::format("bytes={}-{}", range.first, range.first + range.count - 1), size);
        SHORE_ASSERT(again.outcome == RangeOutcome::kPart && again.first == range.first &&
                     again.count == range.count);
    }
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::wire::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

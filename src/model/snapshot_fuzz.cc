// Any bytes as a snapshot: what is taken is written as JSON that is taken as the same snapshot.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "model/snapshot.h"

namespace shore::model {
namespace {

void check(std::string_view json) {
    const auto snapshot = parse_snapshot(json);
    if (!snapshot) {
        return;
    }
    const std::string text = to_json(*snapshot);
    const auto again = parse_snapshot(text);
    SHORE_ASSERT(again && to_json(*again) == text);
}

}  // namespace
}  // namespace shore::model

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::model::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

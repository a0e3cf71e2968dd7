// Base64 of any bytes comes back, and text that is taken is the only text of its bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/base64.h"

namespace shore::wire {
namespace {

void check(std::string_view bytes) {
    SHORE_ASSERT(base64_decode(base64(bytes)) == bytes);
    if (const auto decoded = base64_decode(bytes)) {
        SHORE_ASSERT(base64(*decoded) == bytes);
    }
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::wire::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

// Hosts, paths and percent-encoding with any bytes: a normal path stays within the root and normal,
// and what is encoded decodes to itself.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/uri.h"

namespace shore::wire {
namespace {

void check_path(std::string_view path) {
    const auto normal = normalise_path(path);
    if (!normal) {
        return;
    }
    SHORE_ASSERT(normal->starts_with('/') && !normal->contains('\0') && !normal->contains('\\'));
    SHORE_ASSERT(!normal->contains("//") && !(*normal + "/").contains("/../"));
    // Its bytes are those of file names: encoded, they come out again.
    const auto again = normalise_path(percent_encode(*normal, Slash::kKeep));
    SHORE_ASSERT(again && *again == *normal);
    if (is_plain_path(path)) {
        SHORE_ASSERT(*normal == path);
    }
}

void check(std::string_view text) {
    if (is_host(text)) {
        SHORE_ASSERT(text.starts_with(host_without_port(text)));
    }
    SHORE_ASSERT(percent_decode(percent_encode(text)) == text);
    SHORE_ASSERT(form_decode(percent_encode(text)) == text);
    percent_decode(text);
    form_decode(text);
    check_path(text);
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::wire::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

// Dates, durations and sizes with any bytes: what is read is written as a text that reads the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/strings.h"

namespace shore::base {
namespace {

void check(std::string_view text) {
    if (const auto time = parse_http_date(text)) {
        const auto again = parse_http_date(to_http_date(*time));
        SHORE_ASSERT(again && *again == *time);
    }
    if (const auto time = parse_rfc3339(text)) {
        const auto again = parse_rfc3339(to_rfc3339(*time));
        SHORE_ASSERT(again.has_value());
    }
    if (const auto duration = parse_duration(text)) {
        const auto again = parse_duration(to_text(*duration));
        SHORE_ASSERT(again && *again == *duration);
    }
    if (const auto bytes = parse_bytes(text)) {
        const auto again = parse_bytes(to_text(*bytes));
        SHORE_ASSERT(again && *again == *bytes);
    }
    const std::string shown = printable(text);
    for (std::string_view rest = shown; !rest.empty();) {
        const size_t count = utf8_sequence(rest);
        SHORE_ASSERT(count > 0);
        rest.remove_prefix(count);
    }
}

}  // namespace
}  // namespace shore::base

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::base::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

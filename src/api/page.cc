#include "api/page.h"

#include <charconv>

#include "api/limits.h"
#include "base/strings.h"

namespace shore::api {

Result<Page> read_page(const Arguments& arguments) {
    Page page;
    const std::string cursor = arguments.text("cursor");
    const char* const end = cursor.data() + cursor.size();
    if (const auto read = std::from_chars(cursor.data(), end, page.cursor);
        !cursor.empty() && (read.ec != std::errc() || read.ptr != end)) {
        return fail(ErrorCode::kInvalid, "cursor \"{}\" was not given by a page before",
                    base::printable(cursor, 40));
    }
    const uint64_t limit = arguments.integer("limit").value_or(kPageItemsDefault);
    if (limit < 1 || limit > kPageItemsMax) {
        return fail(ErrorCode::kInvalid, "limit must be 1..{}, got {}", kPageItemsMax, limit);
    }
    page.limit = static_cast<uint32_t>(limit);
    return page;
}

}  // namespace shore::api

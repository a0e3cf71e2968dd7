// Page: cursor and limit of calls that answer in pages. A cursor is a number to the server and
// opaque to clients.
#pragma once

#include <cstdint>

#include "api/call.h"
#include "base/result.h"

namespace shore::api {

struct Page {
    uint64_t cursor = 0;  ///< 0: from the start.
    uint32_t limit = 0;   ///< 1..kPageItemsMax.
};

/// kInvalid for a cursor that no page gave, and for a limit out of bounds.
Result<Page> read_page(const Arguments& arguments);

}  // namespace shore::api

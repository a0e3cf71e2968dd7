// Times as the database keeps them: whole milliseconds since 1970 UTC.
#pragma once

#include "base/clock.h"

namespace shore::store {

inline int64_t to_stored(WallTime time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

inline WallTime from_stored(int64_t milliseconds) {
    return WallTime(std::chrono::milliseconds(milliseconds));
}

}  // namespace shore::store

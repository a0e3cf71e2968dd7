#include "cli/time_argument.h"

#include "base/strings.h"

namespace shore::cli {

Result<std::string> moment(std::string_view text, WallTime now) {
    if (const auto before = base::parse_duration(text)) {
        return base::to_rfc3339(now - *before);
    }
    if (const auto at = base::parse_rfc3339(text)) {
        return base::to_rfc3339(*at);
    }
    return fail(ErrorCode::kInvalid,
                "a time is how long ago (10m, 1h30m) or 2026-06-01T12:00:00Z, got \"{}\"",
                base::printable(text));
}

}  // namespace shore::cli

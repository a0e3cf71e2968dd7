#include "api/log_feed.h"

#include "base/strings.h"
#include "net/sse.h"

namespace shore::api {

async::Task<Result<std::optional<std::string>>> LogFeed::next() {
    SHORE_CO_TRY(const auto lines, co_await lines_->next());
    if (lines.empty()) {
        co_return std::nullopt;
    }
    co_return base::join(lines, "\n") + "\n";
}

async::Task<Result<std::optional<std::string>>> FollowedLogFeed::next() {
    SHORE_CO_TRY(const auto lines, co_await lines_->next());
    if (lines.empty()) {
        co_return std::nullopt;
    }
    std::string text;
    for (const std::string& line : lines) {
        text += net::to_text({.event = "line", .data = line});
    }
    co_return text;
}

}  // namespace shore::api

// Lines of logs as a feed: plain lines of JSON, or server-sent events when they are followed.
#pragma once

#include <memory>

#include "api/feed.h"
#include "api/ports.h"

namespace shore::api {

class LogFeed final : public LineFeed {
 public:
    explicit LogFeed(std::unique_ptr<LogStream> lines) : lines_(std::move(lines)) {}
    async::Task<Result<std::optional<std::string>>> next() override;

 private:
    std::unique_ptr<LogStream> lines_;
};

class FollowedLogFeed final : public EventFeed {
 public:
    explicit FollowedLogFeed(std::unique_ptr<LogStream> lines) : lines_(std::move(lines)) {}
    async::Task<Result<std::optional<std::string>>> next() override;

 private:
    std::unique_ptr<LogStream> lines_;
};

}  // namespace shore::api

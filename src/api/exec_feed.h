// ExecFeed: a command beside an instance; its output as lines of JSON, its exit status last.
#pragma once

#include <string>

#include "api/feed.h"
#include "api/ports.h"
#include "async/event.h"
#include "async/scope.h"

namespace shore::api {

/// Destroying it kills the command.
class ExecFeed final : public LineFeed {
 public:
    /// `running` counts the sessions and outlives this, as do loop and port.
    ExecFeed(async::Loop& loop, Exec& exec, ExecRequest request, size_t& running);
    ~ExecFeed() override;
    async::Task<Result<std::optional<std::string>>> next() override;

 private:
    async::Task<void> run(ExecRequest request);
    void take(ExecStream stream, std::string_view bytes);

    Exec& exec_;
    size_t& running_;
    std::string pending_;  // Lines that have not been sent.
    bool overflown_ = false;
    bool ended_ = false;
    async::Event arrived_;
    async::Scope scope_;
};

}  // namespace shore::api

#include "api/progress_feed.h"

#include "api/encode.h"
#include "net/sse.h"

namespace shore::api {
namespace {

wire::Json to_json(const Settled& settled) {
    return wire::Json::object()
        .set("ok", settled.ok)
        .set("release", settled.release)
        .set("phase", to_string(settled.phase))
        .set("message", settled.message);
}

/// The rollout failed: the report's words, else what the status remembers.
Settled failed(const Progress& report, const StackStatus& stack, uint64_t wanted) {
    std::string message = report.message;
    if (message.empty()) {
        message = fmt::format("release {} has failed{}{}", wanted, stack.reason.empty() ? "" : ": ",
                              stack.reason);
    }
    return {false, stack.release, report.phase, std::move(message)};
}

std::optional<Settled> judge_release(const Progress& report, const StackStatus& stack,
                                     uint64_t wanted) {
    if (report.release > wanted && stack.release == wanted && stack.deploying == 0) {
        // A later release has failed and this one serves again.
        return Settled{true, wanted, Phase::kSucceeded,
                       fmt::format("release {} is active", wanted)};
    }
    if (report.release > wanted ||
        (report.release == wanted && report.phase == Phase::kSuperseded)) {
        return Settled{false, stack.release, Phase::kSuperseded,
                       fmt::format("release {} was superseded by a newer one", wanted)};
    }
    if (report.phase == Phase::kRolling || report.phase == Phase::kSuperseded) {
        return std::nullopt;
    }
    const bool is_over = stack.deploying != wanted;
    if (report.release < wanted) {
        return is_over ? std::optional(failed({.phase = Phase::kRolledBack}, stack, wanted))
                       : std::nullopt;
    }
    if (report.phase == Phase::kFailed || report.phase == Phase::kRolledBack) {
        return failed(report, stack, wanted);
    }
    return Settled{true, wanted, Phase::kSucceeded, fmt::format("release {} is active", wanted)};
}

}  // namespace

std::optional<Settled> judge(const Progress& report, const StackStatus& stack,
                             std::optional<uint64_t> wanted) {
    if (wanted) {
        return judge_release(report, stack, *wanted);
    }
    switch (report.phase) {
        case Phase::kRolling:
        case Phase::kSuperseded:
            return std::nullopt;
        case Phase::kFailed:
        case Phase::kRolledBack:
            return failed(report, stack, report.release);
        case Phase::kSettled:
        case Phase::kSucceeded:
            break;
    }
    return Settled{true, stack.release, report.phase, fmt::format("{} is as desired", stack.name)};
}

ProgressFeed::ProgressFeed(Stacks& stacks, std::string stack, std::optional<uint64_t> wanted,
                           std::unique_ptr<ProgressStream> reports)
    : stacks_(stacks), stack_(std::move(stack)), wanted_(wanted), reports_(std::move(reports)) {
}

std::optional<Settled> ProgressFeed::judge_now(const Progress& report) const {
    const std::vector<StackStatus> all = stacks_.status();
    const auto found = std::ranges::find(all, stack_, &StackStatus::name);
    return found == all.end() ? std::nullopt : judge(report, *found, wanted_);
}

async::Task<Result<std::optional<std::string>>> ProgressFeed::next() {
    if (ended_) {
        co_return std::nullopt;
    }
    const auto report = co_await reports_->next();
    std::string text;
    if (report) {
        text = net::to_text({.event = "progress", .data = api::to_json(stack_, *report).dump()});
    }
    const auto settled =
        report ? judge_now(*report)
               : std::optional(Settled{!wanted_, 0, Phase::kSettled, "the stack is down"});
    if (settled) {
        ended_ = true;
        text += net::to_text({.event = "settled", .data = to_json(*settled).dump()});
    }
    co_return text;
}

}  // namespace shore::api

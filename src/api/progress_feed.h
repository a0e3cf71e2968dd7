// ProgressFeed: a rollout as server-sent events: `progress` for each report, `settled` at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/feed.h"
#include "api/ports.h"

namespace shore::api {

/// How a rollout ended.
struct Settled {
    bool ok = false;
    uint64_t release = 0;  ///< The one that serves now.
    Phase phase = Phase::kSettled;
    std::string message;
};

/// Whether a report says that `wanted` (absent: whatever is under way) has come to its end. `stack`
/// is the status at the same moment: a watcher that comes late learns from it what became of a
/// release that is over.
std::optional<Settled> judge(const Progress& report, const StackStatus& stack,
                             std::optional<uint64_t> wanted);

class ProgressFeed final : public EventFeed {
 public:
    ProgressFeed(Stacks& stacks, std::string stack, std::optional<uint64_t> wanted,
                 std::unique_ptr<ProgressStream> reports);
    async::Task<Result<std::optional<std::string>>> next() override;

 private:
    std::optional<Settled> judge_now(const Progress& report) const;

    Stacks& stacks_;
    std::string stack_;
    std::optional<uint64_t> wanted_;
    std::unique_ptr<ProgressStream> reports_;
    bool ended_ = false;
};

}  // namespace shore::api

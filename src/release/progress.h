// Progress: the story of a stack's rollout as values, for `shore up --wait`, `deploy` and the live
// table.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "base/clock.h"

namespace shore::release {

enum class Phase : uint8_t {
    kSettled = 1,     ///< Nothing is under way.
    kRolling = 2,     ///< Starting, replacing, stopping.
    kSucceeded = 3,   ///< This release has become active. Ends a rollout.
    kRolledBack = 4,  ///< It failed and the one before serves again. Ends a rollout.
    kFailed =
        5,  ///< It failed and there was nothing to go back to, or it is paused. Ends a rollout.
    kSuperseded = 6,  ///< A newer deploy has taken over. Ends a rollout.
};

/// "settled", "rolling", …
std::string_view to_string(Phase phase);
/// True for the phases that end a rollout.
bool is_end(Phase phase);

struct ServiceProgress {
    std::string name;
    uint32_t desired = 0;
    uint32_t ready = 0;      ///< Healthy ones of any release.
    uint32_t updated = 0;    ///< Healthy ones that are as this release wants them.
    bool is_static = false;  ///< Files served by the gateway: nothing to count.
    std::string note;        ///< "waits for db to be healthy", "crash loop: …"; may be empty.
    friend bool operator==(const ServiceProgress&, const ServiceProgress&) = default;
};

struct Progress {
    std::string stack;
    uint64_t release = 0;
    Phase phase = Phase::kRolling;
    std::string message;                    ///< What has just happened; may be empty.
    std::vector<ServiceProgress> services;  ///< Sorted by name.
    WallTime at{};
    friend bool operator==(const Progress&, const Progress&) = default;
};

class ProgressFeed;

/// One listener. When it reads slowly the oldest reports go first, never the last. May outlive the
/// feed.
class ProgressSubscription final {
 public:
    ~ProgressSubscription();
    /// The next report; nothing once the feed has ended and all is read.
    async::Task<std::optional<Progress>> next();

 private:
    friend class ProgressFeed;
    ProgressSubscription(async::Loop& loop, ProgressFeed& feed);
    ProgressFeed* feed_;
    std::deque<Progress> queue_;
    async::Event arrived_;
};

/// A stack's reports to all its listeners. Control plane's loop.
class ProgressFeed final {
 public:
    explicit ProgressFeed(async::Loop& loop) : loop_(loop) {}
    ~ProgressFeed();

    /// Begins with the latest report, if any. Nothing when kSubscribersMax listen already.
    std::unique_ptr<ProgressSubscription> subscribe();
    void report(Progress progress);
    const std::optional<Progress>& latest() const { return latest_; }

 private:
    friend class ProgressSubscription;
    async::Loop& loop_;
    std::optional<Progress> latest_;
    std::vector<ProgressSubscription*> subscriptions_;
};

}  // namespace shore::release

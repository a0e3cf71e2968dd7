// RestartTracker: what happens after an exit: restart after a delay, completed, or failed. Pure:
// exits and times in, decisions out. The delay doubles with each quick exit, with jitter, and
// begins anew when a process lived for the policy's window.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/random.h"
#include "model/service_spec.h"

namespace shore::supervise {

struct RestartDecision {
    enum class Verdict : uint8_t { kRestart = 1, kCompleted = 2, kFailed = 3 };
    Verdict verdict = Verdict::kRestart;
    Duration delay{};             ///< kRestart: how long to wait.
    bool attempts_used = false;   ///< kFailed because attempts_max was reached.
    bool crash_loop = false;      ///< It exits again and again.
    uint32_t quick_exits = 0;     ///< In a row, this one included.
    Duration quick_exits_over{};  ///< From the first of them to this one.
};

class RestartTracker final {
 public:
    /// `quick_exits` is what an earlier daemon had counted.
    RestartTracker(model::RestartPolicy policy, bool one_shot, uint32_t quick_exits = 0);

    /// A process that lived for `lived` has ended, well (exit code 0, not stopped for being
    /// unhealthy) or not.
    RestartDecision on_exit(bool success, Duration lived, SteadyTime now, base::Random& random);
    uint32_t quick_exits() const { return quick_exits_; }

 private:
    Duration next_delay(base::Random& random) const;

    model::RestartPolicy policy_;
    bool one_shot_;
    uint32_t quick_exits_;
    SteadyTime first_quick_exit_{};
};

}  // namespace shore::supervise

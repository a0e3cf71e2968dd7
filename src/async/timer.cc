#include "async/timer.h"

#include "async/deadline.h"
#include "async/loop.h"
#include "base/assert.h"

namespace shore::async {

namespace {
// Against two: firing 100,000 timers cost 0.42 µs each instead of 0.47 (loop_bench, fire_timers).
constexpr uint32_t kArity = 4;
}  // namespace

void Timer::set(SteadyTime at) {
    clear();
    at_ = at;
    loop_.timers().insert(*this);
}

void Timer::clear() {
    unlink();
    if (index_ != kNone) {
        loop_.timers().erase(*this);
    }
}

void TimerHeap::place(uint32_t index, Entry entry) {
    entries_[index] = entry;
    entry.timer->index_ = index;
}

void TimerHeap::insert(Timer& timer) {
    entries_.push_back({timer.at_, &timer});
    sift_up(static_cast<uint32_t>(entries_.size() - 1));
}

void TimerHeap::erase(Timer& timer) {
    const uint32_t index = timer.index_;
    SHORE_ASSERT(index < entries_.size() && entries_[index].timer == &timer);
    timer.index_ = Timer::kNone;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (last.timer != &timer) {
        place(index, last);
        sift_up(index);
        sift_down(last.timer->index_);
    }
}

std::optional<SteadyTime> TimerHeap::next() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.front().at);
}

Timer* TimerHeap::pop_due(SteadyTime now) {
    if (entries_.empty() || entries_.front().at > now) {
        return nullptr;
    }
    Timer* const timer = entries_.front().timer;
    erase(*timer);
    return timer;
}

void TimerHeap::sift_up(uint32_t index) {
    const Entry entry = entries_[index];
    while (index > 0) {
        const uint32_t parent = (index - 1) / kArity;
        if (entries_[parent].at <= entry.at) {
            break;
        }
        place(index, entries_[parent]);
        index = parent;
    }
    place(index, entry);
}

void TimerHeap::sift_down(uint32_t index) {
    const Entry entry = entries_[index];
    const auto count = static_cast<uint32_t>(entries_.size());
    while (true) {
        const uint32_t first = index * kArity + 1;
        if (first >= count) {
            break;
        }
        uint32_t least = first;
        for (uint32_t child = first + 1; child < std::min(first + kArity, count); ++child) {
            if (entries_[child].at < entries_[least].at) {
                least = child;
            }
        }
        if (entry.at <= entries_[least].at) {
            break;
        }
        place(index, entries_[least]);
        index = least;
    }
    place(index, entry);
}

bool SleepUntil::await_ready() const noexcept {
    return false;
}

SleepUntil sleep_until(Loop& loop, SteadyTime at) {
    return SleepUntil(loop, at);
}
SleepUntil sleep_for(Loop& loop, Duration duration) {
    // As Deadline::in: too long for the clock means never, not an overflow.
    return SleepUntil(loop, Deadline::in(loop, duration).at);
}

}  // namespace shore::async

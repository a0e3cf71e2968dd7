#include "async/loop.h"

#include <cerrno>

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "async/watch.h"

namespace shore::async {

namespace {

constexpr int kEventsPerTurn = 256;
// Longest nap without a timer: bounds the harm of a clock that jumps.
constexpr std::chrono::milliseconds kNapMax = std::chrono::seconds(60);
// Rounds of "what is ready made more ready" before the loop looks at its descriptors again, so that
// two coroutines that wake each other for ever cannot starve the rest.
constexpr int kRoundsPerTurn = 16;

}  // namespace

Result<std::unique_ptr<Loop>> Loop::open(const base::Clock& clock) {
    os::Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) {
        return fail(os::last_error("open an event loop: epoll_create1"));
    }
    os::Fd wake_up(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake_up) {
        return fail(os::last_error("open an event loop: eventfd"));
    }
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_up.get(), &event) < 0) {
        return fail(os::last_error("open an event loop: epoll_ctl"));
    }
    return std::unique_ptr<Loop>(new Loop(clock, std::move(epoll), std::move(wake_up)));
}

Loop::Loop(const base::Clock& clock, os::Fd epoll, os::Fd wake_up)
    : clock_(clock), epoll_(std::move(epoll)), wake_up_(std::move(wake_up)) {
    read_clock();
}

Loop::~Loop() = default;

void Loop::read_clock() {
    now_ = clock_.steady_now();
    wall_now_ = clock_.wall_now();
}

void Loop::run() {
    while (!stopping_.load(std::memory_order_acquire)) {
        turn();
    }
    stopping_.store(false, std::memory_order_release);
}

void Loop::turn() {
    wait(true);
    run_ready();
}

bool Loop::poll() {
    wait(false);
    return run_ready();
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_release);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_up_.get(), &one, sizeof one);
}

void Loop::post(Message message) {
    bool first = false;
    {
        const std::lock_guard lock(messages_mutex_);
        first = messages_.empty();
        messages_.push_back(std::move(message));
    }
    if (first) {
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = write(wake_up_.get(), &one, sizeof one);
    }
}

void Loop::wait(bool may_block) {
    int timeout = 0;
    if (may_block && ready_.empty()) {
        const auto next = timers_.next();
        auto nap = kNapMax;
        if (next) {
            const auto until =
                std::chrono::ceil<std::chrono::milliseconds>(*next - clock_.steady_now());
            nap = std::clamp(until, std::chrono::milliseconds(0), kNapMax);
        }
        timeout = static_cast<int>(nap.count());
        if (vigil_ > Duration() && clock_.steady_now() < last_event_ + vigil_) {
            timeout = 0;
            sched_yield();
        }
    }
    epoll_event events[kEventsPerTurn];
    const int count = epoll_wait(epoll_.get(), events, kEventsPerTurn, timeout);
    ++turns_;
    read_clock();
    if (count > 0) {
        last_event_ = now_;
    }
    for (int i = 0; i < count; ++i) {
        if (auto* watch = static_cast<Watch*>(events[i].data.ptr)) {
            watch->mark(events[i].events);
        } else {
            take_messages();
        }
    }
    while (Timer* timer = timers_.pop_due(now_)) {
        ready_.push_back(*timer);
    }
}

void Loop::take_messages() {
    uint64_t counter = 0;
    [[maybe_unused]] const ssize_t got = read(wake_up_.get(), &counter, sizeof counter);
    const std::lock_guard lock(messages_mutex_);
    for (Message& message : messages_) {
        taken_.push_back(std::move(message));
    }
    messages_.clear();
}

bool Loop::run_ready() {
    bool ran = false;
    std::vector<Message> messages;
    messages.swap(taken_);
    for (Message& message : messages) {
        message();
        ran = true;
    }
    messages.clear();
    if (taken_.empty()) {
        taken_.swap(messages);  // Keeps the capacity: no allocation per message batch.
    }
    for (int round = 0; round < kRoundsPerTurn && !ready_.empty(); ++round) {
        List now_ready;
        now_ready.take_all(ready_);
        while (Node* node = now_ready.pop_front()) {
            node->run();
            ran = true;
        }
    }
    return ran;
}

}  // namespace shore::async

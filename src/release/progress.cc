#include "release/progress.h"

#include <algorithm>

#include "release/limits.h"

namespace shore::release {

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::kSettled:
            return "settled";
        case Phase::kRolling:
            return "rolling";
        case Phase::kSucceeded:
            return "succeeded";
        case Phase::kRolledBack:
            return "rolled_back";
        case Phase::kFailed:
            return "failed";
        case Phase::kSuperseded:
            return "superseded";
    }
    return "unknown";
}

bool is_end(Phase phase) {
    return phase == Phase::kSucceeded || phase == Phase::kRolledBack || phase == Phase::kFailed ||
           phase == Phase::kSuperseded;
}

ProgressSubscription::ProgressSubscription(async::Loop& loop, ProgressFeed& feed)
    : feed_(&feed), arrived_(loop) {
}

ProgressSubscription::~ProgressSubscription() {
    if (feed_ != nullptr) {
        std::erase(feed_->subscriptions_, this);
    }
}

async::Task<std::optional<Progress>> ProgressSubscription::next() {
    while (queue_.empty() && feed_ != nullptr) {
        co_await arrived_.wait();
    }
    if (queue_.empty()) {
        co_return std::nullopt;
    }
    Progress progress = std::move(queue_.front());
    queue_.pop_front();
    co_return progress;
}

ProgressFeed::~ProgressFeed() {
    for (ProgressSubscription* subscription : subscriptions_) {
        subscription->feed_ = nullptr;
        subscription->arrived_.pulse();
    }
}

std::unique_ptr<ProgressSubscription> ProgressFeed::subscribe() {
    if (subscriptions_.size() >= kSubscribersMax) {
        return nullptr;
    }
    std::unique_ptr<ProgressSubscription> subscription(new ProgressSubscription(loop_, *this));
    if (latest_) {
        subscription->queue_.push_back(*latest_);
    }
    subscriptions_.push_back(subscription.get());
    return subscription;
}

void ProgressFeed::report(Progress progress) {
    for (ProgressSubscription* subscription : subscriptions_) {
        if (subscription->queue_.size() >= kProgressQueueMax) {
            subscription->queue_.pop_front();
        }
        subscription->queue_.push_back(progress);
        subscription->arrived_.pulse();
    }
    latest_ = std::move(progress);
}

}  // namespace shore::release

#include "release/publisher.h"

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "release/limits.h"

namespace shore::release {

Publisher::Publisher(async::Loop& loop, Gateway& gateway)
    : loop_(loop), gateway_(gateway), changed_(loop), ended_(loop), scope_(loop) {
    scope_.spawn(send_all());
}

Publisher::~Publisher() {
    stop();
}

void Publisher::stop() {
    scope_.stop();
}

void Publisher::open() {
    if (const auto latest = gateway_.latest()) {
        version_ = std::max(version_, latest->version);
    }
    open_ = true;
    publish_again();
}

void Publisher::publish_again() {
    ++wanted_;
    changed_.pulse();
}

void Publisher::prepare(const std::string& stack, StackRoutes routes) {
    stacks_.insert_or_assign(stack, std::move(routes));
}

async::Task<Result<std::vector<std::string>>> Publisher::publish(const std::string& stack,
                                                                 StackRoutes routes) {
    prepare(stack, std::move(routes));
    publish_again();
    return wait_for(wanted_);
}

async::Task<Result<std::vector<std::string>>> Publisher::withdraw(const std::string& stack) {
    stacks_.erase(stack);
    publish_again();
    return wait_for(wanted_);
}

async::Task<Result<std::vector<std::string>>> Publisher::wait_for(uint64_t revision) {
    while (attempted_ < revision) {
        co_await ended_.wait();
    }
    co_return outcome_;
}

async::Task<void> Publisher::send_all() {
    while (true) {
        while (!open_ || attempted_ == wanted_) {
            co_await changed_.wait();
        }
        const uint64_t revision = wanted_;
        model::Snapshot snapshot = compose_snapshot(stacks_, ++version_);
        Result<Applied> applied = co_await async::with_deadline(
            loop_, async::Deadline::in(loop_, kPublishTimeout), "the gateway's acknowledgement",
            gateway_.apply(std::move(snapshot)));
        if (applied) {
            outcome_ = std::move(applied->listen_errors);
        } else {
            outcome_ = fail(std::move(applied).error().with("publish routes"));
        }
        attempted_ = revision;
        ended_.pulse();
        // Those who waited read the outcome before the next attempt replaces it.
        co_await async::yield(loop_);
    }
}

std::vector<const model::StackSpec*> Publisher::specs_except(const std::string& stack) const {
    std::vector<const model::StackSpec*> specs;
    for (const auto& [id, routes] : stacks_) {
        if (id != stack) {
            specs.push_back(&routes.spec);
        }
    }
    return specs;
}

}  // namespace shore::release

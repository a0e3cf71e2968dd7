#include "prove/load.h"

#include "async/deadline.h"
#include "async/timer.h"
#include "net/http_client.h"

namespace shore::prove {

using async::Deadline;
using async::Task;

namespace {

/// Failures kept in words.
constexpr size_t kFailuresKept = 5;
/// A stream brings an event every half second; this long without one is a broken stream.
constexpr std::chrono::seconds kStreamSilenceMax{10};

/// The rate that the promises name.
constexpr double kRateMin = 200;

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

void HttpLoad::start() {
    began_ = loop_.now();
    for (uint32_t i = 0; i < options_.connections; ++i) {
        scope_.spawn(run_connection(i));
    }
}

Task<void> HttpLoad::reach(uint64_t requests) {
    while (succeeded_ + failed_ < requests) {
        co_await ended_one_.wait();
    }
}

Task<void> HttpLoad::stop() {
    stopping_ = true;
    co_await scope_.join();
    ended_ = loop_.now();
}

void HttpLoad::note_failure(std::string_view what) {
    ++failed_;
    if (failures_.size() < kFailuresKept) {
        failures_.push_back(fmt::format("at {:.2f} s: {}", in_seconds(loop_.now() - began_), what));
    }
}

Task<void> HttpLoad::run_connection(uint32_t index) {
    const Duration interval =
        Duration(std::chrono::seconds(1)) * options_.connections / options_.requests_per_second;
    SteadyTime due = loop_.now() + interval * index / options_.connections;
    net::HttpClient client(loop_, options_.address);
    client.never_repeat();
    bool was_connected = false;
    while (true) {
        co_await async::sleep_until(loop_, due);
        if (stopping_) {
            co_return;
        }
        // A slow answer delays the next request, but not all that follow.
        due = std::max(due + interval, loop_.now());
        if (was_connected && !client.is_connected()) {
            ++closed_between_;
        }
        const SteadyTime before = loop_.now();
        const auto answer = co_await client.fetch({.target = options_.target},
                                                  Deadline::in(loop_, options_.timeout));
        was_connected = client.is_connected();
        if (!answer) {
            note_failure(answer.error().text());
        } else if (answer->status != 200) {
            note_failure(fmt::format("status {}", answer->status));
        } else {
            ++succeeded_;
            ++bodies_[answer->body];
            slowest_ = std::max(slowest_, Duration(loop_.now() - before));
        }
        ended_one_.pulse();
    }
}

double HttpLoad::rate() const {
    const double length = in_seconds(ended_ - began_);
    return length > 0 ? static_cast<double>(succeeded_) / length : 0;
}

std::string HttpLoad::summary() const {
    return fmt::format(
        "{} requests at {:.0f}/s over {} keep-alive connections: {} failed, {} connections closed, "
        "slowest answer {:.0f} ms",
        succeeded_ + failed_, rate(), options_.connections, failed_, closed_between_,
        in_seconds(slowest_) * 1000);
}

OpenStreams::OpenStreams(async::Loop& loop, net::Address address, std::string target,
                         uint32_t count)
    : loop_(loop),
      address_(std::move(address)),
      target_(std::move(target)),
      count_(count),
      scope_(loop) {
}

void OpenStreams::start() {
    for (uint32_t i = 0; i < count_; ++i) {
        scope_.spawn(run_stream(i));
    }
}

void OpenStreams::stop() {
    scope_.stop();
}

Task<void> OpenStreams::run_stream(uint32_t index) {
    net::HttpClient client(loop_, address_);
    auto exchange =
        co_await client.start({.target = target_}, Deadline::in(loop_, kStreamSilenceMax));
    if (!exchange || !(*exchange)->success()) {
        broken_.push_back(fmt::format(
            "stream {} was not opened: {}", index,
            exchange ? std::to_string((*exchange)->status()) : exchange.error().text()));
        co_return;
    }
    ++opened_;
    while (true) {
        const auto bytes = co_await (*exchange)->read(Deadline::in(loop_, kStreamSilenceMax));
        if (!bytes || bytes->empty()) {
            broken_.push_back(
                fmt::format("stream {}: {}", index, bytes ? "ended" : bytes.error().text()));
            co_return;
        }
        ++events_;
    }
}

std::string OpenStreams::summary() const {
    return fmt::format("{} of {} streams opened, {} pieces received, {} broken", opened_, count_,
                       events_, broken_.size());
}

void judge(const HttpLoad& load, std::vector<std::string>& missed) {
    for (const std::string& failure : load.failures()) {
        missed.push_back("a request failed " + failure);
    }
    if (load.closed_between() > 0) {
        missed.push_back(fmt::format("{} connections were closed", load.closed_between()));
    }
    if (load.rate() < kRateMin) {
        missed.push_back(fmt::format("the load reached only {:.0f} requests/s of {:.0f}",
                                     load.rate(), kRateMin));
    }
}

void judge(const OpenStreams& streams, std::vector<std::string>& missed) {
    if (streams.opened() != streams.count()) {
        missed.push_back(
            fmt::format("only {} of {} streams were opened", streams.opened(), streams.count()));
    }
    if (!streams.broken().empty()) {
        missed.push_back(streams.broken().front());
    }
}

}  // namespace shore::prove

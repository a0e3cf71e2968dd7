// HttpLoad: GET requests at a steady rate over keep-alive connections. OpenStreams: answers that
// never end. Both notice every failure and every close; nothing is repeated.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "net/address.h"

namespace shore::prove {

/// A case's load goes on until it has seen at least this many answers: two seconds of it.
inline constexpr uint64_t kRequestsMin = 500;

struct LoadOptions {
    net::Address address;
    std::string target = "/";
    uint32_t connections = 20;
    uint32_t requests_per_second = 250;
    std::chrono::milliseconds timeout = std::chrono::seconds(15);
};

/// A request fails when its answer is not a whole 200, whatever the reason. Lives on its loop's
/// thread.
class HttpLoad final {
 public:
    HttpLoad(async::Loop& loop, LoadOptions options)
        : loop_(loop), options_(std::move(options)), ended_one_(loop), scope_(loop) {}

    void start();
    /// Waits until so many requests have ended, well or not: a rate over a moment says nothing.
    async::Task<void> reach(uint64_t requests);
    /// Lets the requests under way end.
    async::Task<void> stop();

    uint64_t succeeded() const { return succeeded_; }
    /// "at 1.25 s: what happened" of the first few; failed() counts all.
    const std::vector<std::string>& failures() const { return failures_; }
    uint64_t failed() const { return failed_; }
    /// Connections that the server closed between two requests.
    uint64_t closed_between() const { return closed_between_; }
    /// How often each body was seen.
    const std::map<std::string, uint64_t>& bodies() const { return bodies_; }
    double rate() const;
    /// One line for people.
    std::string summary() const;

 private:
    async::Task<void> run_connection(uint32_t index);
    void note_failure(std::string_view what);

    async::Loop& loop_;
    LoadOptions options_;
    SteadyTime began_{};
    SteadyTime ended_{};
    bool stopping_ = false;
    uint64_t succeeded_ = 0;
    uint64_t failed_ = 0;
    uint64_t closed_between_ = 0;
    Duration slowest_{};
    std::vector<std::string> failures_;
    std::map<std::string, uint64_t> bodies_;
    async::Event ended_one_;
    async::Scope scope_;
};

/// Adds what missed "no request fails and no connection is closed, at 200 requests/s or more".
void judge(const HttpLoad& load, std::vector<std::string>& missed);

/// `count` answers that go on until stop(): each must keep bringing bytes.
class OpenStreams final {
 public:
    OpenStreams(async::Loop& loop, net::Address address, std::string target, uint32_t count);

    void start();
    /// Ends them; what ends before counts as broken.
    void stop();

    uint32_t count() const { return count_; }
    uint32_t opened() const { return opened_; }
    uint64_t events() const { return events_; }
    const std::vector<std::string>& broken() const { return broken_; }
    std::string summary() const;

 private:
    async::Task<void> run_stream(uint32_t index);

    async::Loop& loop_;
    net::Address address_;
    std::string target_;
    uint32_t count_;
    uint32_t opened_ = 0;
    uint64_t events_ = 0;
    std::vector<std::string> broken_;
    async::Scope scope_;
};

/// Adds what missed "every stream was opened and none broke".
void judge(const OpenStreams& streams, std::vector<std::string>& missed);

}  // namespace shore::prove

// Link: the control plane's end of run/gateway.sock: publishes snapshots to the gateway, asks when
// an endpoint has drained, fetches metrics. The protocol is in this room's README.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/deadline.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/result.h"
#include "model/snapshot.h"
#include "net/stream.h"
#include "wire/json.h"

namespace shore::gateway {

/// What the gateway said about a snapshot.
struct Acknowledgement {
    uint64_t version = 0;
    std::vector<std::string> listen_errors;  ///< "listen on http://:8080: address in use".
};

/// Lives on the control plane's loop. Keeps one connection, made again for ever once started.
class Link final {
 public:
    /// `loop` outlives the link.
    Link(async::Loop& loop, std::string socket_path);
    ~Link();

    /// Connects, and reconnects with short pauses for ever. May be called again.
    void start();
    /// The gateway's process has just come up: the next try to connect is now.
    void hurry();
    /// Ends the connection; whoever waits gets kUnavailable. May be called twice; start() begins
    /// anew.
    void stop();
    bool connected() const { return stream_ != nullptr; }
    /// Called after each time the connection has been made.
    void set_on_connected(std::function<void()> on_connected);

    /// Completes when every loop of the gateway uses the snapshot or a newer one. Waits
    /// kLinkConnectWait for a connection. kUnavailable when there is none, or it is lost while
    /// waiting.
    async::Task<Result<Acknowledgement>> publish(const model::Snapshot& snapshot);
    /// Completes when no request and no upgraded connection is under way at the endpoint
    /// ("shop/api-7"). kTimeout at the deadline; kUnavailable when the connection is lost (whoever
    /// asked asks again: a new gateway has no requests there).
    async::Task<Result<void>> drained(std::string endpoint, async::Deadline deadline);
    /// The gateway's metrics in Prometheus' text form. kTimeout; kUnavailable.
    async::Task<Result<std::string>> metrics(async::Deadline deadline);
    /// What the gateway answers to a question (gateway/questions.h). Its refusal with its code;
    /// kTimeout; kUnavailable.
    async::Task<Result<wire::Json>> ask(std::string question, wire::Json with,
                                        async::Deadline deadline);

 private:
    struct Waiter;
    enum class Wanted : uint8_t { kConnection, kAcknowledgement, kDrained, kMetrics, kAnswer };

    async::Task<void> run();
    async::Task<void> write_outbox();
    async::Task<void> read_lines();
    void take_line(std::string_view line);
    void lose_connection();
    void resolve(Waiter& waiter, Result<std::string> outcome);
    async::Task<Result<void>> connection(async::Deadline deadline);
    async::Task<Result<Acknowledgement>> publish_line(uint64_t version, std::string line);

    async::Loop& loop_;
    std::string socket_path_;
    std::function<void()> on_connected_;
    std::unique_ptr<net::Stream> stream_;
    std::string outbox_;
    async::Event outbox_filled_;
    async::Event hurry_;
    uint64_t questions_ = 0;
    std::vector<Waiter*> waiters_;            // In frames of who waits, oldest first.
    std::vector<std::string> listen_errors_;  // Of the newest acknowledgement.
    std::unique_ptr<async::Scope> scope_;
};

}  // namespace shore::gateway

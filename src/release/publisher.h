// Publisher: keeps the gateway at the newest state of all stacks. One snapshot is on its way at a
// time; what changes meanwhile goes into the next one together. Control plane's loop.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "base/result.h"
#include "release/ports.h"
#include "release/routes.h"

namespace shore::release {

class Publisher final {
 public:
    /// `gateway` outlives the publisher. Nothing is sent before open().
    Publisher(async::Loop& loop, Gateway& gateway);
    ~Publisher();

    /// After a start of the daemon: every stack has said what it has, so that no route is missing
    /// from the first snapshot.
    void open();

    /// Puts a stack's routes into the next snapshot and completes when the gateway uses it: the
    /// sentences about listeners that could not be opened. An Error when the gateway did not take
    /// it; publish again then.
    async::Task<Result<std::vector<std::string>>> publish(const std::string& stack,
                                                          StackRoutes routes);
    /// The same without sending, for use before open().
    void prepare(const std::string& stack, StackRoutes routes);
    /// Takes a stack's routes away; completes as publish() does.
    async::Task<Result<std::vector<std::string>>> withdraw(const std::string& stack);
    /// Gateway::drained().
    async::Task<Result<void>> drained(std::string endpoint, async::Deadline deadline) {
        return gateway_.drained(std::move(endpoint), deadline);
    }
    /// What the gateway could not do of the newest snapshot that it has acknowledged, whoever's
    /// publication that was.
    std::span<const std::string> listen_errors() const {
        return outcome_ ? std::span<const std::string>(*outcome_) : std::span<const std::string>();
    }
    /// Sends everything again.
    void publish_again();

    /// Specs of the other stacks, for check_routes().
    std::vector<const model::StackSpec*> specs_except(const std::string& stack) const;
    void stop();

 private:
    async::Task<Result<std::vector<std::string>>> wait_for(uint64_t revision);
    async::Task<void> send_all();

    async::Loop& loop_;
    Gateway& gateway_;
    std::map<std::string, StackRoutes> stacks_;
    bool open_ = false;
    uint64_t version_ = 0;
    uint64_t wanted_ = 0;                       // Revision of stacks_.
    uint64_t attempted_ = 0;                    // Revision of the last attempt that has ended.
    Result<std::vector<std::string>> outcome_;  // Of that attempt.
    async::Event changed_;
    async::Event ended_;
    async::Scope scope_;
};

}  // namespace shore::release

// RedisRouter: where the endpoint's commands go: asks the sentinels (and is told by them), checks
// that the server they name is primary and answers, knows which replicas are in step.
//
// What the sentinels say with the highest configuration epoch holds, and only once the server
// itself says that it is primary. A primary that does not answer gets no new commands: they wait.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "engines/redis_shard.h"
#include "engines/redis_view.h"
#include "observe/log.h"

namespace shore::engines {

/// What the router knows of a server.
struct RoutedServer {
    uint32_t slot = 0;
    bool answers = false;
    ReplicationState state;
};

/// How the former primary ended.
enum class RedisMove : uint8_t {
    kOrderly,  ///< It still answers what was sent to it.
    kAfterLoss,
};

class RedisRouter final {
 public:
    /// `publish` is called with each new route, on this loop.
    RedisRouter(async::Loop& loop, observe::Log& log, const Assignment& assignment,
                std::move_only_function<void(const RedisRoute&)> publish);

    void start();
    void stop();
    /// The assignment has changed; the processes have not.
    void set_lag_max(Duration lag_max) { lag_max_ = lag_max; }

    const RedisRoute& route() const { return route_; }
    const std::map<uint32_t, RoutedServer>& servers() const { return servers_; }
    /// Sentinels that answered last time.
    uint32_t sentinels_answering() const;

    /// A session has lost its server while this route was in force: look again at once.
    void suspect(uint64_t serial);
    /// New commands wait until resume(), whatever the servers say.
    void hold();
    void resume();
    /// The sentinels were told to make this server the primary, and have: they will say so.
    void moved_to(uint16_t port, RedisMove move);

 private:
    struct Word {
        SentinelsWord said;
        bool answers = false;
    };
    async::Task<void> listen_to(Peer sentinel);
    async::Task<void> poll(Peer sentinel);
    async::Task<void> watch_primary();
    async::Task<void> watch_replicas();
    async::Task<bool> look_at(uint32_t slot);
    void set_route(uint32_t primary, bool hold, bool force);
    void choose_readers();
    uint16_t named_port() const;

    async::Loop& loop_;
    observe::Log& log_;
    const Assignment& assignment_;
    std::move_only_function<void(const RedisRoute&)> publish_;
    Duration lag_max_;
    RedisRoute route_;
    bool held_ = false;       // hold() is in force.
    bool moving_ = false;     // The next route is the end of an orderly change.
    bool suspected_ = false;  // A session waits for a newer route.
    std::map<uint32_t, Word> words_;
    uint64_t epoch_ = 0;
    uint16_t port_ = 0;  // Of the primary, by the word with that epoch.
    std::map<uint32_t, RoutedServer> servers_;
    std::map<uint32_t, std::unique_ptr<RedisClient>> clients_;
    async::Event sentinels_event_;
    async::Event primary_event_;
    async::Scope scope_;
};

}  // namespace shore::engines

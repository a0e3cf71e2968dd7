// RedisSetup: what a client's connection was made into (login, protocol, database, name, tracking,
// subscriptions), so that a connection to another server can be made into the same.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engines/redis_command.h"

namespace shore::engines {

class RedisSetup final {
 public:
    /// A command that succeeded: AUTH, HELLO, SELECT, CLIENT …; as it was sent.
    void succeeded(RedisKind kind, std::string command);
    /// RESET.
    void clear();

    bool resp3() const { return resp3_; }
    bool tracking() const { return tracking_; }
    /// It cannot be made again elsewhere: tracking that is redirected to another connection, more
    /// subscriptions than are kept.
    bool unmovable() const { return unmovable_; }

    /// The server has confirmed a subscription or its end.
    void subscribed(RedisKind kind, std::string_view channel);
    size_t subscriptions(RedisKind kind) const { return set_of(kind).size(); }
    size_t subscriptions() const { return sets_[0].size() + sets_[1].size() + sets_[2].size(); }

    /// Login, protocol and database as commands, in `out`; returns how many answers they have. 0:
    /// not logged in, or something else of the connection matters to what a command does there.
    size_t shared_login(std::string& out) const;
    /// Changes when that may have changed.
    uint32_t version() const { return version_; }

    /// All of it as commands, appended to `out`; returns how many answers they have.
    size_t append_commands(std::string& out) const;

 private:
    struct Step {
        std::string key;
        std::string command;
    };
    const std::set<std::string, std::less<>>& set_of(RedisKind kind) const;

    std::vector<Step> steps_;                                 // In the order of their success.
    std::array<std::set<std::string, std::less<>>, 3> sets_;  // Channels, patterns, shard channels.
    uint32_t version_ = 0;
    bool resp3_ = false;
    bool tracking_ = false;
    bool unmovable_ = false;
};

}  // namespace shore::engines

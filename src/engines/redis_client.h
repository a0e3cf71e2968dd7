// RedisClient: a connection to a Redis server or sentinel for an agent's own questions: one command
// at a time, replies as values. Not for data: the endpoint has its own way of passing bytes on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/deadline.h"
#include "async/task.h"
#include "net/stream.h"
#include "wire/resp.h"

namespace shore::engines {

struct RedisLogin {
    std::string user;
    std::string password;
};

class RedisClient final {
 public:
    /// Connects and logs in. As net::dial; kPermission when the login is refused.
    static async::Task<Result<std::unique_ptr<RedisClient>>> connect(async::Loop& loop,
                                                                     net::Address address,
                                                                     RedisLogin login,
                                                                     async::Deadline deadline);

    /// The command's reply. An error reply is kConflict with the server's text ("READONLY You
    /// can't…"); kTimeout and kUnavailable leave the connection unusable. Messages of subscriptions
    /// that come before are dropped.
    async::Task<Result<wire::RespValue>> ask(std::vector<std::string> command,
                                             async::Deadline deadline);
    /// The next thing that arrives: for who has subscribed.
    async::Task<Result<wire::RespValue>> next(async::Deadline deadline);

 private:
    explicit RedisClient(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

    std::unique_ptr<net::Stream> stream_;
    std::string buffer_;
    size_t scanned_ = 0;
    wire::ReplyScanner scanner_;
};

/// "field:value" lines of INFO; empty when there is no such field.
std::string_view info_field(std::string_view info, std::string_view field);
/// The same as a number; 0 when it is none.
int64_t info_number(std::string_view info, std::string_view field);

}  // namespace shore::engines

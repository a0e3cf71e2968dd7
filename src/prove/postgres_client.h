// PostgresClient: as much of PostgreSQL's protocol (version 3.0, simple queries, SCRAM) as a proof
// needs to be a thousand clients at once. https://www.postgresql.org/docs/15/protocol-flow.html
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/deadline.h"
#include "async/task.h"
#include "base/result.h"
#include "net/address.h"
#include "net/stream.h"
#include "wire/scram.h"

namespace shore::prove {

struct PostgresLogin {
    net::Address address;
    std::string role;
    std::string database;
    /// What PBKDF2 gives is kept between connections, so that connecting costs the servers' time.
    wire::ScramSecret* secret = nullptr;
};

/// A connection that has logged in. Lives on its loop's thread; one query at a time.
class PostgresClient final {
 public:
    /// kPermission with the server's words when it refuses.
    static async::Task<Result<std::unique_ptr<PostgresClient>>> connect(async::Loop& loop,
                                                                        PostgresLogin login,
                                                                        async::Deadline deadline);

    /// The first column of each row. kConflict with the server's words for an error; kUnavailable
    /// when the connection has ended.
    async::Task<Result<std::vector<std::string>>> query(std::string sql, async::Deadline deadline);

 private:
    struct Message {
        char kind = 0;
        std::string body;
    };
    explicit PostgresClient(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
    async::Task<Result<void>> log_in(PostgresLogin login, async::Deadline deadline);
    async::Task<Result<void>> send(char kind, std::string body, async::Deadline deadline);
    async::Task<Result<Message>> receive(async::Deadline deadline);

    std::unique_ptr<net::Stream> stream_;
    std::string received_;
};

}  // namespace shore::prove

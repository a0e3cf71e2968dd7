// Database: a PostgreSQL with its pool in the stack under proof, and how a client gets to it.
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "base/result.h"
#include "prove/laboratory.h"
#include "prove/postgres_client.h"

namespace shore::prove {

struct DatabaseOptions {
    uint32_t pool_size = 25;
    uint32_t pool_clients = 1100;
};

/// Lives on its loop's thread.
class Database final {
 public:
    /// Deploys a stack with the database and one service that uses it, and waits for both.
    static async::Task<Result<std::unique_ptr<Database>>> deploy(Laboratory& laboratory,
                                                                 DatabaseOptions options);

    /// The service's role through the pool, directly, and the superuser directly.
    PostgresLogin pooled() { return {pool_, "app", "proof", &password_}; }
    PostgresLogin direct() { return {server_, "app", "proof", &password_}; }
    PostgresLogin admin() { return {server_, "shore_admin", "postgres", &admin_password_}; }

    /// The server's first process now.
    Result<int> server_pid() const;

 private:
    Database(Laboratory& laboratory, std::string password, std::string admin_password)
        : laboratory_(laboratory),
          password_(std::move(password)),
          admin_password_(std::move(admin_password)) {}

    Laboratory& laboratory_;
    net::Address pool_;
    net::Address server_;
    wire::ScramSecret password_;
    wire::ScramSecret admin_password_;
};

}  // namespace shore::prove

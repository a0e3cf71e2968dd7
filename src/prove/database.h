// Database: a PostgreSQL with its pool in the stack under proof, and how a client gets to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "prove/laboratory.h"
#include "prove/postgres_client.h"

namespace shore::prove {

struct DatabaseOptions {
    uint32_t pool_size = 25;
    uint32_t pool_clients = 1100;
    std::string table;  ///< Made for the proof, with one column `id bigserial`; the service's.
};

/// Lives on its loop's thread.
class Database final {
 public:
    /// Deploys a stack with the database and one service that uses it, waits for both, and makes
    /// the table.
    static async::Task<Result<std::unique_ptr<Database>>> deploy(Laboratory& laboratory,
                                                                 DatabaseOptions options);

    /// The service's role through the pool, directly, and the superuser directly.
    PostgresLogin pooled() { return {pool_, "app", "proof", &password_}; }
    PostgresLogin direct() { return {server_, "app", "proof", &password_}; }
    PostgresLogin admin() { return {server_, "shore_admin", "postgres", &admin_password_}; }

    /// How many rows the table has, asked directly.
    async::Task<Result<uint64_t>> count_rows();
    /// The server's first process now.
    Result<int> server_pid() const;

 private:
    Database(Laboratory& laboratory, std::string table, std::string password,
             std::string admin_password)
        : laboratory_(laboratory),
          table_(std::move(table)),
          password_(std::move(password)),
          admin_password_(std::move(admin_password)) {}

    async::Task<Result<std::vector<std::string>>> ask_directly(std::string sql);

    Laboratory& laboratory_;
    std::string table_;
    net::Address pool_;
    net::Address server_;
    wire::ScramSecret password_;
    wire::ScramSecret admin_password_;
};

}  // namespace shore::prove

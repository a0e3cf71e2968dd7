// SqlClient: a thin blocking client over libpq, for an agent's worker threads: every call has a
// limit of time. Statements go by the simple protocol, which PgBouncer's console speaks too.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct pg_conn;

namespace shore::engines {

/// Where and as whom. Nothing is taken from the environment.
struct SqlTarget {
    std::string host;  ///< An address, or the directory of a Unix socket.
    uint16_t port = 0;
    std::string user;
    std::string password;
    std::string database = "postgres";
};

/// What a statement gave. Values are text; a null reads as "".
class SqlRows final {
 public:
    using Row = std::vector<std::optional<std::string>>;

    SqlRows() = default;
    SqlRows(std::vector<std::string> columns, std::vector<Row> rows)
        : columns_(std::move(columns)), rows_(std::move(rows)) {}

    const std::vector<std::string>& columns() const { return columns_; }
    size_t size() const { return rows_.size(); }
    bool empty() const { return rows_.empty(); }
    /// "" outside.
    std::string_view text(size_t row, size_t column) const;
    std::string_view text(size_t row, std::string_view column) const;
    bool is_null(size_t row, size_t column) const;
    /// 0 for what is no number.
    double number(size_t row, size_t column) const;
    double number(size_t row, std::string_view column) const;
    bool truth(size_t row, size_t column) const { return text(row, column) == "t"; }

 private:
    std::optional<size_t> column(std::string_view name) const;

    std::vector<std::string> columns_;
    std::vector<Row> rows_;
};

/// Move-only; one thread at a time.
class SqlClient final {
 public:
    using Limit = std::chrono::milliseconds;

    /// kPermission: role or password is wrong. kUnavailable: nobody listens there, or the server is
    /// still starting. kExhausted: no connection is left. kNotFound: no such database. kTimeout.
    static Result<SqlClient> connect_blocking(const SqlTarget& target, Limit limit);

    /// One or several statements; the rows of the last that gave some. After kTimeout and
    /// kUnavailable the connection is closed: usable() says so.
    Result<SqlRows> run_blocking(std::string_view sql, Limit limit);

    bool usable() const { return connection_ != nullptr; }
    /// What the server stores for `password`: a SCRAM verifier, so that the password itself is
    /// never sent.
    Result<std::string> verifier(std::string_view role, std::string_view password);

 private:
    struct Close {
        void operator()(pg_conn* connection) const;
    };
    using Connection = std::unique_ptr<pg_conn, Close>;
    explicit SqlClient(Connection connection) : connection_(std::move(connection)) {}

    Connection connection_;
};

/// A connection that is kept and made anew when it has broken. Any thread; one question at a time.
class SqlSession final {
 public:
    explicit SqlSession(SqlTarget target) : target_(std::move(target)) {}

    /// As SqlClient's calls. A connection that was kept and turns out closed is replaced, once.
    Result<SqlRows> ask_blocking(std::string_view sql, SqlClient::Limit limit);

 private:
    SqlTarget target_;
    std::mutex mutex_;
    std::optional<SqlClient> client_;  // Guarded by mutex_.
};

/// An identifier in double quotes, a literal in single quotes: safe in any statement.
std::string sql_name(std::string_view name);
std::string sql_text(std::string_view text);

}  // namespace shore::engines

// Database: one SQLite connection; Statement: one prepared statement; Transaction: all or nothing.
//
// Every call blocks on the disk: use it on a worker thread (Store does). One thread at a time.
// SQLite's messages become Errors that name the file: a full disk is kExhausted, a damaged file
// kCorrupt, another process that holds the lock for longer than the busy timeout kUnavailable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace shore::store {

class Database;

/// A prepared statement with its bound values. Movable; must not outlive its Database.
class [[nodiscard]] Statement final {
 public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    /// Binds the values to ?1, ?2, … (integers, text; nullopt is NULL) after resetting the
    /// statement.
    template <class... Values>
    Result<void> bind(const Values&... values) {
        reset();
        int index = 0;
        Result<void> result;
        ((result = result ? bind_one(++index, values) : std::move(result)), ...);
        return result;
    }
    /// Steps to the next row: true when there is one.
    Result<bool> next();
    /// Binds, then runs a statement that returns no rows.
    template <class... Values>
    Result<void> run(const Values&... values) {
        SHORE_CHECK(bind(values...));
        return finish();
    }

    /// Columns of the current row, from 0. NULL reads as 0 or "".
    int64_t integer(int column) const;
    std::string text(int column) const;
    bool is_null(int column) const;

 private:
    friend class Database;
    Statement(Database& database, sqlite3_stmt* statement);

    void reset();
    Result<void> finish();
    Result<void> bind_one(int index, int64_t value);
    Result<void> bind_one(int index, std::string_view value);
    Result<void> bind_one(int index, const std::string& value) {
        return bind_one(index, std::string_view(value));
    }
    Result<void> bind_one(int index, const char* value) {
        return bind_one(index, std::string_view(value));
    }
    template <std::integral Integer>
    Result<void> bind_one(int index, Integer value) {
        return bind_one(index, static_cast<int64_t>(value));
    }
    template <class T>
    Result<void> bind_one(int index, const std::optional<T>& value) {
        return value ? bind_one(index, *value) : bind_null(index);
    }
    Result<void> bind_null(int index);

    Database& database_;
    sqlite3_stmt* statement_;
};

class Database final {
 public:
    /// Opens or creates the file (mode 0600) in WAL mode with foreign keys on, and checks that it
    /// can be read.
    /// ":memory:" is a private database for tests.
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path);
    ~Database();

    /// kInternal when the SQL is wrong.
    Result<Statement> prepare(std::string_view sql);
    /// Runs one or more statements without values or rows.
    Result<void> execute(std::string_view sql);
    /// Prepares, binds, runs.
    template <class... Values>
    Result<void> run(std::string_view sql, const Values&... values) {
        SHORE_TRY(Statement statement, prepare(sql));
        return statement.run(values...);
    }
    /// Rows changed by the last statement.
    int64_t changes() const;
    /// PRAGMA integrity_check: kCorrupt with SQLite's first complaint.
    Result<void> check_integrity();
    const std::filesystem::path& path() const { return path_; }

 private:
    friend class Statement;
    Database(sqlite3* handle, std::filesystem::path path);
    Error error(int code, std::string_view what) const;

    sqlite3* handle_;
    std::filesystem::path path_;
};

/// Rolls back on destruction unless committed. The Database outlives it.
class [[nodiscard]] Transaction final {
 public:
    /// BEGIN IMMEDIATE.
    static Result<std::unique_ptr<Transaction>> begin(Database& database);
    ~Transaction();
    Result<void> commit();

 private:
    explicit Transaction(Database& database) : database_(database) {}
    Database& database_;
    bool open_ = true;
};

}  // namespace shore::store

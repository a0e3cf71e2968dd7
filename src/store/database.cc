#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/assert.h"

namespace shore::store {
namespace {

// How long a statement waits for another process (a person with sqlite3) to give up its lock.
constexpr int kBusyTimeoutMilliseconds = 5'000;

ErrorCode code_of(int sqlite_code) {
    switch (sqlite_code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_NOMEM:
        case SQLITE_TOOBIG:
            return ErrorCode::kExhausted;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorCode::kCorrupt;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_IOERR:
            return ErrorCode::kUnavailable;
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
            return ErrorCode::kPermission;
        case SQLITE_CANTOPEN:
            return ErrorCode::kNotFound;
        case SQLITE_CONSTRAINT:
            return ErrorCode::kConflict;
        default:
            return ErrorCode::kInternal;
    }
}

std::string_view advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::kExhausted:
            return "; free space on its file system and try again, nothing was changed";
        case ErrorCode::kCorrupt:
            return "; the file is damaged: stop shored, move it away or restore it from a backup, "
                   "and start shored again (running apps are not touched)";
        case ErrorCode::kUnavailable:
            return "; another program holds its lock or the disk does not answer";
        case ErrorCode::kPermission:
            return "; it must be writable for the user that runs shored";
        case ErrorCode::kNotFound:
            return "; its directory must exist and be accessible";
        default:
            return "";
    }
}

}  // namespace

Statement::Statement(Database& database, sqlite3_stmt* statement)
    : database_(database), statement_(statement) {
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {
}

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

void Statement::reset() {
    // The result repeats the error of the last step, which that step has reported.
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Result<void> Statement::bind_one(int index, int64_t value) {
    if (const int code = sqlite3_bind_int64(statement_, index, value); code != SQLITE_OK) {
        return fail(database_.error(code, "bind a number"));
    }
    return {};
}

Result<void> Statement::bind_one(int index, std::string_view value) {
    const int code = sqlite3_bind_text64(statement_, index, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK) {
        return fail(database_.error(code, "bind a text"));
    }
    return {};
}

Result<void> Statement::bind_null(int index) {
    if (const int code = sqlite3_bind_null(statement_, index); code != SQLITE_OK) {
        return fail(database_.error(code, "bind a null"));
    }
    return {};
}

Result<bool> Statement::next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        return false;
    }
    return fail(database_.error(code, sqlite3_sql(statement_)));
}

Result<void> Statement::finish() {
    SHORE_TRY(const bool row, next());
    SHORE_ASSERT(!row);
    reset();
    return {};
}

int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(data, size);
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<Database> database(new Database(handle, path));
    if (code != SQLITE_OK) {
        return fail(database->error(code, "open"));
    }
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, kBusyTimeoutMilliseconds);
    if (path != ":memory:") {
        std::error_code failure;
        std::filesystem::permissions(
            path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
            failure);
        if (failure) {
            return fail(ErrorCode::kPermission, "make {} private (mode 0600): {}", path.native(),
                        failure.message());
        }
    }
    // NORMAL: a power cut may lose the last transactions, never the file.
    SHORE_CHECK(database->execute("PRAGMA journal_mode = WAL"));
    SHORE_CHECK(database->execute("PRAGMA synchronous = NORMAL"));
    SHORE_CHECK(database->execute("PRAGMA foreign_keys = ON"));
    SHORE_CHECK(database->execute("PRAGMA journal_size_limit = 4194304"));
    SHORE_CHECK(database->execute("SELECT count(*) FROM sqlite_schema"));
    return database;
}

Database::Database(sqlite3* handle, std::filesystem::path path)
    : handle_(handle), path_(std::move(path)) {
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

Error Database::error(int code, std::string_view what) const {
    const char* text = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
    const ErrorCode kind = code_of(code);
    return {kind, fmt::format("{}: {}: {}{}", path_.native(), what, text, advice(kind))};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK) {
        return fail(error(code, sql));
    }
    SHORE_ASSERT(statement != nullptr);
    return Statement(*this, statement);
}

Result<void> Database::execute(std::string_view sql) {
    const int code = sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return fail(error(code, sql));
    }
    return {};
}

int64_t Database::changes() const {
    return sqlite3_changes64(handle_);
}

Result<void> Database::check_integrity() {
    SHORE_TRY(Statement statement, prepare("PRAGMA integrity_check(1)"));
    SHORE_TRY(const bool row, statement.next());
    if (!row || statement.text(0) != "ok") {
        return fail(error(SQLITE_CORRUPT, "integrity check")
                        .with(row ? statement.text(0) : std::string("no answer")));
    }
    return {};
}

Result<std::unique_ptr<Transaction>> Transaction::begin(Database& database) {
    SHORE_CHECK(database.execute("BEGIN IMMEDIATE"));
    return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
    if (open_) {
        // After a full disk SQLite has rolled back already and this fails: both are what we want.
        (void)database_.execute("ROLLBACK");
    }
}

Result<void> Transaction::commit() {
    SHORE_CHECK(database_.execute("COMMIT"));
    open_ = false;
    return {};
}

}  // namespace shore::store

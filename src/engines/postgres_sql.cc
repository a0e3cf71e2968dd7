#include "engines/postgres_sql.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <poll.h>

#include "base/strings.h"
#include "engines/libpq.h"

namespace shore::engines {

namespace {

/// Loaded: every client began with connect_blocking().
const LibPq& pq() {
    return **load_libpq();
}

using SteadyPoint = std::chrono::steady_clock::time_point;

// False when `end` passes first. A wait that a signal interrupts is looked at again by the caller.
bool wait_for(int descriptor, short events, SteadyPoint end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() < 0) {
        return false;
    }
    pollfd polled{.fd = descriptor, .events = events, .revents = 0};
    return ::poll(&polled, 1, static_cast<int>(left.count()) + 1) != 0;
}

Error connect_error(const SqlTarget& target, std::string_view message) {
    ErrorCode code = ErrorCode::kUnavailable;
    if (message.contains("authentication failed") || message.contains("is not permitted to log") ||
        message.contains("permission denied") ||
        (message.contains("role \"") && message.contains("does not exist"))) {
        code = ErrorCode::kPermission;
    } else if (message.contains("database \"") && message.contains("does not exist")) {
        code = ErrorCode::kNotFound;
    } else if (message.contains("too many clients") || message.contains("connection slots")) {
        code = ErrorCode::kExhausted;
    }
    return {code, fmt::format("connect to PostgreSQL at {}:{} as {}: {}", target.host, target.port,
                              target.user, base::trim(message))};
}

ErrorCode code_of(std::string_view state) {
    if (state == "57014") {
        return ErrorCode::kTimeout;
    }
    if (state.starts_with("28") || state == "42501") {
        return ErrorCode::kPermission;
    }
    if (state.starts_with("53")) {
        return ErrorCode::kExhausted;
    }
    if (state.starts_with("08") || state.starts_with("57P")) {
        return ErrorCode::kUnavailable;
    }
    if (state.starts_with("42") || state.starts_with("22")) {
        return ErrorCode::kInvalid;
    }
    if (state.starts_with("55")) {
        return ErrorCode::kConflict;
    }
    return state.starts_with("XX") ? ErrorCode::kCorrupt : ErrorCode::kInternal;
}

SqlRows rows_of(const PGresult* result) {
    std::vector<std::string> columns;
    const int width = pq().nfields(result);
    for (int column = 0; column < width; ++column) {
        columns.emplace_back(pq().fname(result, column));
    }
    std::vector<SqlRows::Row> rows;
    for (int row = 0; row < pq().ntuples(result); ++row) {
        SqlRows::Row& values = rows.emplace_back();
        for (int column = 0; column < width; ++column) {
            values.push_back(pq().getisnull(result, row, column)
                                 ? std::nullopt
                                 : std::optional<std::string>(pq().getvalue(result, row, column)));
        }
    }
    return {std::move(columns), std::move(rows)};
}

}  // namespace

std::optional<size_t> SqlRows::column(std::string_view name) const {
    const auto found = std::ranges::find(columns_, name);
    return found == columns_.end() ? std::nullopt
                                   : std::optional(static_cast<size_t>(found - columns_.begin()));
}

std::string_view SqlRows::text(size_t row, size_t column) const {
    if (row >= rows_.size() || column >= rows_[row].size() || !rows_[row][column]) {
        return {};
    }
    return *rows_[row][column];
}

std::string_view SqlRows::text(size_t row, std::string_view name) const {
    const auto found = column(name);
    return found ? text(row, *found) : std::string_view();
}

bool SqlRows::is_null(size_t row, size_t column) const {
    return row >= rows_.size() || column >= rows_[row].size() || !rows_[row][column];
}

double SqlRows::number(size_t row, size_t column) const {
    const std::string_view value = text(row, column);
    double number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
}

double SqlRows::number(size_t row, std::string_view name) const {
    const auto found = column(name);
    return found ? number(row, *found) : 0;
}

void SqlClient::Close::operator()(pg_conn* connection) const {
    pq().finish(connection);
}

Result<SqlClient> SqlClient::connect_blocking(const SqlTarget& target, Limit limit) {
    const SteadyPoint end = std::chrono::steady_clock::now() + limit;
    SHORE_CHECK(load_libpq());
    const std::string port = std::to_string(target.port);
    // Said here, so that neither the environment nor a file of the user's decides.
    const std::array<const char*, 10> names = {
        "host",    "port",       "user",     "password",         "dbname",
        "sslmode", "gssencmode", "passfile", "application_name", nullptr};
    const std::array<const char*, 10> values = {target.host.c_str(),
                                                port.c_str(),
                                                target.user.c_str(),
                                                target.password.c_str(),
                                                target.database.c_str(),
                                                "disable",
                                                "disable",
                                                "/dev/null",
                                                "shore",
                                                nullptr};
    Connection connection(pq().connect_start_params(names.data(), values.data(), 0));
    if (!connection) {
        return fail(ErrorCode::kExhausted, "connect to PostgreSQL: no memory");
    }
    PostgresPollingStatusType state = pq().status(connection.get()) == CONNECTION_BAD
                                          ? PGRES_POLLING_FAILED
                                          : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(pq().socket(connection.get()), events, end)) {
            return fail(ErrorCode::kTimeout,
                        "connect to PostgreSQL at {}:{} took longer than allowed", target.host,
                        target.port);
        }
        state = pq().connect_poll(connection.get());
    }
    if (state == PGRES_POLLING_FAILED) {
        return fail(connect_error(target, pq().error_message(connection.get())));
    }
    // Notices ("already exists, skipping") are nobody's to read.
    pq().set_notice_processor(connection.get(), [](void*, const char*) {}, nullptr);
    return SqlClient(std::move(connection));
}

Result<SqlRows> SqlClient::run_blocking(std::string_view sql, Limit limit) {
    const SteadyPoint end = std::chrono::steady_clock::now() + limit;
    if (!connection_) {
        return fail(ErrorCode::kUnavailable, "the connection to PostgreSQL is closed");
    }
    PGconn* const connection = connection_.get();
    if (pq().send_query(connection, std::string(sql).c_str()) == 0) {
        Error error(ErrorCode::kUnavailable,
                    std::string(base::trim(pq().error_message(connection))));
        connection_.reset();
        return fail(std::move(error));
    }
    SqlRows rows;
    std::optional<Error> failed;
    while (true) {
        while (pq().is_busy(connection) != 0) {
            if (!wait_for(pq().socket(connection), POLLIN, end)) {
                connection_.reset();
                return fail(ErrorCode::kTimeout, "PostgreSQL took longer than allowed to answer");
            }
            if (pq().consume_input(connection) == 0) {
                break;
            }
        }
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(pq().get_result(connection),
                                                                    pq().clear);
        if (!result) {
            break;
        }
        const ExecStatusType status = pq().result_status(result.get());
        if (status == PGRES_TUPLES_OK) {
            rows = rows_of(result.get());
        } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !failed) {
            const char* const state = pq().result_error_field(result.get(), PG_DIAG_SQLSTATE);
            failed.emplace(code_of(state == nullptr ? "08000" : state),
                           std::string(base::trim(pq().result_error_message(result.get()))));
        }
    }
    if (pq().status(connection) == CONNECTION_BAD) {
        connection_.reset();
        return fail(ErrorCode::kUnavailable, "PostgreSQL closed the connection");
    }
    if (failed) {
        return fail(std::move(*failed));
    }
    return rows;
}

Result<std::string> SqlClient::verifier(std::string_view role, std::string_view password) {
    const std::unique_ptr<char, void (*)(void*)> text(
        pq().encrypt_password_conn(connection_.get(), std::string(password).c_str(),
                                   std::string(role).c_str(), "scram-sha-256"),
        pq().freemem);
    if (!text) {
        return fail(ErrorCode::kInternal, "no SCRAM verifier for the role {}", role);
    }
    return std::string(text.get());
}

Result<SqlRows> SqlSession::ask_blocking(std::string_view sql, SqlClient::Limit limit) {
    const std::scoped_lock lock(mutex_);
    const bool was_kept = client_ && client_->usable();
    while (true) {
        const bool is_new = !client_ || !client_->usable();
        if (is_new) {
            client_.reset();
            SHORE_TRY(SqlClient client, SqlClient::connect_blocking(target_, limit));
            client_.emplace(std::move(client));
        }
        auto rows = client_->run_blocking(sql, limit);
        if (rows || is_new || !was_kept || client_->usable() ||
            rows.error().code() != ErrorCode::kUnavailable) {
            return rows;
        }
    }
}

std::string sql_name(std::string_view name) {
    return fmt::format("\"{}\"", base::replace_all(std::string(name), "\"", "\"\""));
}

std::string sql_text(std::string_view text) {
    // With a backslash, the E form means the same whatever standard_conforming_strings says.
    std::string escaped = base::replace_all(std::string(text), "'", "''");
    if (!escaped.contains('\\')) {
        return fmt::format("'{}'", escaped);
    }
    return fmt::format("E'{}'", base::replace_all(std::move(escaped), "\\", "\\\\"));
}

}  // namespace shore::engines

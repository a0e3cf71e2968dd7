// LibPq: PostgreSQL's client library, loaded when an agent makes its first connection. Linked, it
// would bring 19 libraries (Kerberos, LDAP, …) into every process of Shore, shims included: 4 MiB
// and 3 ms of CPU each at the start, measured with `perf stat -r 20 shore version`.
// Source of the functions: PostgreSQL 15 documentation, chapter 34.
#pragma once

#include <libpq-fe.h>

#include "base/result.h"

namespace shore::engines {

/// The functions of libpq-fe.h that Shore calls, by their names without PQ.
struct LibPq {
    decltype(&::PQclear) clear = nullptr;
    decltype(&::PQconnectPoll) connect_poll = nullptr;
    decltype(&::PQconnectStartParams) connect_start_params = nullptr;
    decltype(&::PQconsumeInput) consume_input = nullptr;
    decltype(&::PQencryptPasswordConn) encrypt_password_conn = nullptr;
    decltype(&::PQerrorMessage) error_message = nullptr;
    decltype(&::PQfinish) finish = nullptr;
    decltype(&::PQfname) fname = nullptr;
    decltype(&::PQfreemem) freemem = nullptr;
    decltype(&::PQgetResult) get_result = nullptr;
    decltype(&::PQgetisnull) getisnull = nullptr;
    decltype(&::PQgetvalue) getvalue = nullptr;
    decltype(&::PQisBusy) is_busy = nullptr;
    decltype(&::PQnfields) nfields = nullptr;
    decltype(&::PQntuples) ntuples = nullptr;
    decltype(&::PQresultErrorField) result_error_field = nullptr;
    decltype(&::PQresultErrorMessage) result_error_message = nullptr;
    decltype(&::PQresultStatus) result_status = nullptr;
    decltype(&::PQsendQuery) send_query = nullptr;
    decltype(&::PQsetNoticeProcessor) set_notice_processor = nullptr;
    decltype(&::PQsocket) socket = nullptr;
    decltype(&::PQstatus) status = nullptr;
};

/// Loads it on the first call; any thread. kNotFound names the package that is missing. What it
/// returns lives as long as the process.
Result<const LibPq*> load_libpq();

}  // namespace shore::engines

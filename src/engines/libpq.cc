#include "engines/libpq.h"

#include <dlfcn.h>

namespace shore::engines {

namespace {

constexpr char kLibrary[] = "libpq.so.5";

/// Looks functions up; remembers the first that is missing.
class Symbols final {
 public:
    explicit Symbols(void* library) : library_(library) {}

    template <class Function>
    void find(Function& function, const char* name) {
        function = reinterpret_cast<Function>(::dlsym(library_, name));
        if (function == nullptr && missing_ == nullptr) {
            missing_ = name;
        }
    }
    /// Null: none.
    const char* missing() const { return missing_; }

 private:
    void* library_;
    const char* missing_ = nullptr;
};

Result<LibPq> load() {
    void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return fail(ErrorCode::kNotFound, "{} cannot be loaded ({}): apt-get install libpq5",
                    kLibrary, ::dlerror());
    }
    LibPq pq;
    Symbols symbols(library);
    symbols.find(pq.clear, "PQclear");
    symbols.find(pq.connect_poll, "PQconnectPoll");
    symbols.find(pq.connect_start_params, "PQconnectStartParams");
    symbols.find(pq.consume_input, "PQconsumeInput");
    symbols.find(pq.encrypt_password_conn, "PQencryptPasswordConn");
    symbols.find(pq.error_message, "PQerrorMessage");
    symbols.find(pq.finish, "PQfinish");
    symbols.find(pq.fname, "PQfname");
    symbols.find(pq.freemem, "PQfreemem");
    symbols.find(pq.get_result, "PQgetResult");
    symbols.find(pq.getisnull, "PQgetisnull");
    symbols.find(pq.getvalue, "PQgetvalue");
    symbols.find(pq.is_busy, "PQisBusy");
    symbols.find(pq.nfields, "PQnfields");
    symbols.find(pq.ntuples, "PQntuples");
    symbols.find(pq.result_error_field, "PQresultErrorField");
    symbols.find(pq.result_error_message, "PQresultErrorMessage");
    symbols.find(pq.result_status, "PQresultStatus");
    symbols.find(pq.send_query, "PQsendQuery");
    symbols.find(pq.set_notice_processor, "PQsetNoticeProcessor");
    symbols.find(pq.socket, "PQsocket");
    symbols.find(pq.status, "PQstatus");
    if (symbols.missing() != nullptr) {
        return fail(ErrorCode::kUnsupported, "{} has no {}: it is older than PostgreSQL 10",
                    kLibrary, symbols.missing());
    }
    return pq;
}

}  // namespace

Result<const LibPq*> load_libpq() {
    // One for the process, as a linked library would be; immutable once loaded.
    static const Result<LibPq> pq = load();
    if (!pq) {
        return fail(pq.error());
    }
    return &*pq;
}

}  // namespace shore::engines

#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace shore::base {

struct Error::Rep {
    ErrorCode code;
    int errno_value;
    std::string message;
    std::string context;  // "outer: inner: " or empty
};

namespace {

ErrorCode code_of(int errno_value) {
    switch (errno_value) {
        case ENOENT:
        case ESRCH:
        case ENOTDIR:
            return ErrorCode::kNotFound;
        case EACCES:
        case EPERM:
        case EROFS:
            return ErrorCode::kPermission;
        case EEXIST:
        case EBUSY:
        case EADDRINUSE:
        case ETXTBSY:
            return ErrorCode::kConflict;
        case ETIMEDOUT:
            return ErrorCode::kTimeout;
        case ENOSPC:
        case EDQUOT:
        case ENOMEM:
        case EMFILE:
        case ENFILE:
            return ErrorCode::kExhausted;
        case EINVAL:
        case ENAMETOOLONG:
        case ENOEXEC:
            return ErrorCode::kInvalid;
        case ENOSYS:
        case EOPNOTSUPP:
            return ErrorCode::kUnsupported;
        default:
            return ErrorCode::kUnavailable;
    }
}

}  // namespace

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalid:
            return "invalid";
        case ErrorCode::kNotFound:
            return "not_found";
        case ErrorCode::kConflict:
            return "conflict";
        case ErrorCode::kPermission:
            return "permission";
        case ErrorCode::kUnavailable:
            return "unavailable";
        case ErrorCode::kTimeout:
            return "timeout";
        case ErrorCode::kExhausted:
            return "exhausted";
        case ErrorCode::kCorrupt:
            return "corrupt";
        case ErrorCode::kUnsupported:
            return "unsupported";
        case ErrorCode::kStopped:
            return "stopped";
        case ErrorCode::kInternal:
            return "internal";
    }
    return "internal";
}

Error::Error(ErrorCode code, std::string message)
    : rep_(std::make_unique<Rep>(Rep{code, 0, std::move(message), {}})) {
}

Error Error::from_errno(int errno_value, std::string_view what) {
    char buffer[128];
    const char* reason = strerror_r(errno_value, buffer, sizeof buffer);
    Error error(code_of(errno_value), std::string(what) + ": " + reason);
    error.rep_->errno_value = errno_value;
    return error;
}

Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::Error(const Error& other) : rep_(std::make_unique<Rep>(*other.rep_)) {
}
Error& Error::operator=(const Error& other) {
    if (this != &other) {
        rep_ = std::make_unique<Rep>(*other.rep_);
    }
    return *this;
}
Error::~Error() = default;

ErrorCode Error::code() const {
    return rep_->code;
}
const std::string& Error::message() const {
    return rep_->message;
}
int Error::errno_value() const {
    return rep_->errno_value;
}
std::string Error::text() const {
    return rep_->context + rep_->message;
}

Error& Error::with(std::string_view context) & {
    rep_->context.insert(0, std::string(context) + ": ");
    return *this;
}

Error&& Error::with(std::string_view context) && {
    with(context);
    return std::move(*this);
}

}  // namespace shore::base

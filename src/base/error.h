// Error: why the world did not do what was asked. One pointer wide; success allocates nothing.
//
// An Error has a code (a small closed set, for programs), a message (what was tried, on what, what
// happened, what to do: for people), context added on the way up, and the errno it came from, if
// any. Per-byte and per-request loops return plain enums and build one of these outside the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace shore::base {

/// Kinds of failure. The values are stored and sent (API problems, exit status), so they are fixed.
enum class ErrorCode : uint8_t {
    kInvalid = 1,   ///< The input is wrong: manifest, argument, frame. Repeating it cannot help.
    kNotFound = 2,  ///< The named thing does not exist.
    kConflict = 3,  ///< The state forbids it now: already exists, busy, another deploy is running.
    kPermission = 4,   ///< The operating system or the role forbids it.
    kUnavailable = 5,  ///< A peer or a resource is not there now; repeating later may help.
    kTimeout = 6,      ///< A deadline passed.
    kExhausted = 7,    ///< A limit was reached: queue, disk, memory, descriptors.
    kCorrupt = 8,      ///< Stored or received bytes are damaged.
    kUnsupported = 9,  ///< Understood, but not possible on this machine or runtime.
    kStopped = 10,     ///< The owner is stopping.
    kInternal = 11,    ///< A bug seen late enough to be reported instead of asserted.
};

/// The code's stable lower-case name, e.g. "not_found"; used in API problems and logs.
std::string_view to_string(ErrorCode code);

class [[nodiscard]] Error final {
 public:
    Error(ErrorCode code, std::string message);

    /// An error from a failed system call: code derived from `errno_value`, message "what:
    /// strerror".
    static Error from_errno(int errno_value, std::string_view what);

    Error(Error&&) noexcept;
    Error& operator=(Error&&) noexcept;
    Error(const Error&);
    Error& operator=(const Error&);
    ~Error();

    ErrorCode code() const;
    /// The message without context.
    const std::string& message() const;
    /// errno of the failed call, or 0.
    int errno_value() const;
    /// "context: context: message", outermost context first: what a person is shown.
    std::string text() const;

    /// Puts `context` ("service api, instance 2") in front of the text. Returns *this for chaining.
    Error& with(std::string_view context) &;
    Error&& with(std::string_view context) &&;

    friend bool operator==(const Error& a, const Error& b) {
        return a.code() == b.code() && a.text() == b.text();
    }

 private:
    struct Rep;
    std::unique_ptr<Rep> rep_;
};

}  // namespace shore::base

namespace shore {
using base::Error;
using base::ErrorCode;
}  // namespace shore

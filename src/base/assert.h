// SHORE_ASSERT: the check for bugs. It is live in release builds, prints what and where, and
// aborts. Never use it for anything that a client, a file or a peer can cause: those are Result or
// a domain enum.
#pragma once

namespace shore::base {

/// Prints "file:line: assertion failed: expression" to stderr and aborts. Does not return.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace shore::base

#define SHORE_ASSERT(expression)                                              \
    do {                                                                      \
        if (!(expression)) [[unlikely]] {                                     \
            ::shore::base::assertion_failed(#expression, __FILE__, __LINE__); \
        }                                                                     \
    } while (false)

// Result<T>: a value or an Error; and the four macros that pass an Error on.
//
//   SHORE_TRY(auto file, File::open(path));   // declares file, or returns the Error
//   SHORE_CHECK(file.sync());                 // for Result<void>
//   SHORE_CO_TRY / SHORE_CO_CHECK             // the same inside a coroutine (co_return)
//
// Each is a statement on a line of its own. Use base::fail(...) to return an error.
#pragma once

#include <expected>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace shore::base {

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::kInvalid, "port must be 1..65535, got {}", port);`
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                          Args&&... args) {
    return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

/// Passes an existing error on: `return fail(std::move(error).with("stack shop"));`
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
    return std::unexpected<Error>(std::move(error));
}

}  // namespace shore::base

namespace shore {
using base::fail;
using base::Result;
}  // namespace shore

#define SHORE_CONCAT_INNER(a, b) a##b
#define SHORE_CONCAT(a, b) SHORE_CONCAT_INNER(a, b)

#define SHORE_TRY_IMPL(result, declaration, expression, return_word) \
    auto result = (expression);                                      \
    if (!result) [[unlikely]] {                                      \
        return_word ::std::unexpected(std::move(result).error());    \
    }                                                                \
    declaration = std::move(*result)

#define SHORE_TRY(declaration, ...) \
    SHORE_TRY_IMPL(SHORE_CONCAT(shore_result_, __LINE__), declaration, (__VA_ARGS__), return)
#define SHORE_CO_TRY(declaration, ...) \
    SHORE_TRY_IMPL(SHORE_CONCAT(shore_result_, __LINE__), declaration, (__VA_ARGS__), co_return)

#define SHORE_CHECK_IMPL(expression, return_word)                           \
    do {                                                                    \
        if (auto shore_result = (expression); !shore_result) [[unlikely]] { \
            return_word ::std::unexpected(std::move(shore_result).error()); \
        }                                                                   \
    } while (false)

#define SHORE_CHECK(...) SHORE_CHECK_IMPL((__VA_ARGS__), return)
#define SHORE_CO_CHECK(...) SHORE_CHECK_IMPL((__VA_ARGS__), co_return)

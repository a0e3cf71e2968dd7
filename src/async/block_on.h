// block_on: runs a loop until one task has ended; for main functions and tests, never on a loop
// that is already running.
#pragma once

#include <optional>
#include <utility>

#include "async/loop.h"
#include "async/scope.h"
#include "async/task.h"

namespace shore::async {

namespace internal {
template <class T>
Task<void> store_result(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
}
inline Task<void> store_end(Task<void> task, bool& ended) {
    co_await std::move(task);
    ended = true;
}
}  // namespace internal

template <class T>
T block_on(Loop& loop, Task<T> task) {
    std::optional<T> result;
    Scope scope(loop);
    scope.spawn(internal::store_result(std::move(task), result));
    while (!result) {
        loop.turn();
    }
    return std::move(*result);
}

inline void block_on(Loop& loop, Task<void> task) {
    bool ended = false;
    Scope scope(loop);
    scope.spawn(internal::store_end(std::move(task), ended));
    while (!ended) {  // NOLINT(bugprone-infinite-loop): the task sets it.
        loop.turn();
    }
}

}  // namespace shore::async

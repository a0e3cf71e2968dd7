// Scope: owns background tasks and ends them. What runs in the background belongs to a scope, and a
// scope to the object whose members its tasks use, declared last so that it is destroyed first.
#pragma once

#include <cstddef>

#include "async/event.h"
#include "async/list.h"
#include "async/loop.h"
#include "async/task.h"

namespace shore::async {

class Scope final {
 public:
    explicit Scope(Loop& loop) : idle_(loop) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    /// As stop().
    ~Scope() { stop(); }

    /// Starts `task` at once, running it to its first suspension. False, and the task destroyed
    /// unstarted, after stop().
    bool spawn(Task<void> task);
    /// Refuses new work and destroys every task where it is suspended. May be called twice. Never
    /// from within one of this scope's own tasks: such a task posts a message to the loop instead.
    void stop();
    /// Waits until no task is left.
    Task<void> join();

    size_t size() const { return size_; }
    bool stopping() const { return stopping_; }

 private:
    class Child;
    static Child run(Scope& scope, Task<void> task);

    List children_;
    size_t size_ = 0;
    bool stopping_ = false;
    Event idle_;
};

}  // namespace shore::async

#include "async/scope.h"

#include <exception>

namespace shore::async {

/// The frame that holds a spawned task. It links itself into the scope, and destroys itself when
/// the task has ended.
class Scope::Child final {
 public:
    struct promise_type : Node {
        explicit promise_type(Scope& owner, Task<void>&) : Node(nullptr), scope(owner) {
            scope.children_.push_back(*this);
            ++scope.size_;
        }
        ~promise_type() {
            if (--scope.size_ == 0) {
                scope.idle_.set();
            }
        }
        static void* operator new(size_t size) { return take_frame(size); }
        static void operator delete(void* frame, size_t size) noexcept {
            return_frame(frame, size);
        }

        Child get_return_object() {
            return Child(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

        Scope& scope;
    };

    void start() { handle_.resume(); }

 private:
    explicit Child(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

Scope::Child Scope::run(Scope&, Task<void> task) {
    co_await std::move(task);
}

bool Scope::spawn(Task<void> task) {
    if (stopping_) {
        return false;
    }
    idle_.reset();
    run(*this, std::move(task)).start();
    return true;
}

void Scope::stop() {
    stopping_ = true;
    while (Node* node = children_.pop_front()) {
        std::coroutine_handle<Child::promise_type>::from_promise(
            static_cast<Child::promise_type&>(*node))
            .destroy();
    }
}

Task<void> Scope::join() {
    while (size_ > 0) {
        co_await idle_.wait();
    }
}

}  // namespace shore::async

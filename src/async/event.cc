#include "async/event.h"

#include "async/loop.h"

namespace shore::async {

void Event::set() {
    set_ = true;
    pulse();
}

void Event::pulse() {
    while (Node* node = waiting_.pop_front()) {
        loop_.make_ready(*node);
    }
}

void Yield::await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    loop_.make_ready(*this);
}

}  // namespace shore::async

#include "async/watch.h"

#include <sys/epoll.h>

namespace shore::async {

Result<void> Watch::start(int descriptor) {
    SHORE_ASSERT(descriptor_ < 0);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = this}};
    if (epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) < 0) {
        return fail(os::last_error("watch a descriptor: epoll_ctl"));
    }
    descriptor_ = descriptor;
    readable_ = writable_ = true;
    hung_up_ = broken_ = false;
    return {};
}

void Watch::stop() {
    if (descriptor_ >= 0) {
        epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_DEL, descriptor_, nullptr);
        descriptor_ = -1;
    }
}

void Watch::mark(uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        hung_up_ = true;
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        broken_ = true;
    }
    if ((events & EPOLLIN) != 0) {
        readable_ = true;
    }
    if ((events & EPOLLOUT) != 0) {
        writable_ = true;
    }
    if (readable_ || hung_up_) {
        if (Node* node = reader_.pop_front()) {
            loop_.make_ready(*node);
        }
    }
    if (writable_ || broken_) {
        if (Node* node = writer_.pop_front()) {
            loop_.make_ready(*node);
        }
    }
}

}  // namespace shore::async

// Watch: one descriptor on a loop, registered once for EPOLLIN, EPOLLOUT and EPOLLRDHUP,
// edge-triggered.
//
// The protocol of edge triggering: try the operation first; when it says EAGAIN (or a read came
// back short), say so with read_drained() or write_full(), then await readable() or writable(). At
// most one coroutine waits for each direction.
#pragma once

#include <coroutine>
#include <cstdint>

#include "async/list.h"
#include "async/loop.h"
#include "base/assert.h"
#include "base/result.h"

namespace shore::async {

class Watch final {
 public:
    explicit Watch(Loop& loop) : loop_(loop) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    /// Stops watching. The descriptor must still be open, or must have been closed after stop().
    ~Watch() { stop(); }

    /// Begins to watch `descriptor`, which must be non-blocking and stays the caller's. Both
    /// directions count as ready.
    Result<void> start(int descriptor);
    /// Ends it; waiting coroutines are not resumed. May be called twice.
    void stop();

    void read_drained() { readable_ = false; }
    void write_full() { writable_ = false; }
    /// The peer has closed its sending side, or the connection is broken. A read will say which.
    bool hung_up() const { return hung_up_; }
    bool is_readable() const { return readable_ || hung_up_; }
    Loop& loop() { return loop_; }

    class [[nodiscard]] Readiness final : private Node {
     public:
        Readiness(List& waiting, const bool& ready, const bool& hung_up)
            : Node(&wake), waiting_(waiting), ready_(ready), hung_up_(hung_up) {}
        bool await_ready() const noexcept { return ready_ || hung_up_; }
        void await_suspend(std::coroutine_handle<> handle) {
            SHORE_ASSERT(waiting_.empty());
            handle_ = handle;
            waiting_.push_back(*this);
        }
        void await_resume() const noexcept {}
        /// Takes it off the watch and off the loop: the handle will not be resumed from here.
        void cancel() { unlink(); }

     private:
        static void wake(Node& node) { static_cast<Readiness&>(node).handle_.resume(); }
        List& waiting_;
        const bool& ready_;
        const bool& hung_up_;
        std::coroutine_handle<> handle_;
    };

    /// Waits until a read may succeed, report the end, or fail.
    Readiness readable() { return Readiness(reader_, readable_, hung_up_); }
    /// Waits until a write may succeed or fail.
    Readiness writable() { return Readiness(writer_, writable_, broken_); }

 private:
    friend class Loop;
    void mark(uint32_t events);

    Loop& loop_;
    int descriptor_ = -1;
    bool readable_ = false;
    bool writable_ = false;
    bool hung_up_ = false;
    bool broken_ = false;
    List reader_;
    List writer_;
};

}  // namespace shore::async

// SignalWatch: signals of the process as something to wait for.
#pragma once

#include "async/task.h"
#include "async/watch.h"
#include "os/signal.h"

namespace shore::async {

/// Owns a SignalSet and waits for its signals. Loop's thread.
class SignalWatch final {
 public:
    SignalWatch(Loop& loop, os::SignalSet set) : set_(std::move(set)), watch_(loop) {}

    /// Begins to watch; once.
    Result<void> start();
    /// The next signal; those that arrived before are kept. One coroutine at a time.
    Task<os::ReceivedSignal> next();

 private:
    os::SignalSet set_;
    Watch watch_;
};

}  // namespace shore::async

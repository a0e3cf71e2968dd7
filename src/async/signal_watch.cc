#include "async/signal_watch.h"

namespace shore::async {

Result<void> SignalWatch::start() {
    return watch_.start(set_.descriptor());
}

Task<os::ReceivedSignal> SignalWatch::next() {
    while (true) {
        if (const auto received = set_.take()) {
            co_return *received;
        }
        watch_.read_drained();
        co_await watch_.readable();
    }
}

}  // namespace shore::async

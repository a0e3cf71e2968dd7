// Waiting for an event until a deadline.
#include "async/deadline.h"

#include "async/event.h"

namespace shore::async {
namespace {

Task<Result<void>> next_pulse(Event& event) {
    co_await event.wait();
    co_return Result<void>();
}

}  // namespace

Task<bool> pulsed(Loop& loop, Event& event, Deadline deadline) {
    const auto woken = co_await with_deadline(loop, deadline, "the event", next_pulse(event));
    co_return woken.has_value();
}

}  // namespace shore::async

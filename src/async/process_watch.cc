#include "async/process_watch.h"

#include "async/ready_by.h"

namespace shore::async {

Result<void> ProcessWatch::start(const os::Process& process) {
    SHORE_CHECK(watch_.start(process.pidfd()));
    process_ = &process;
    return {};
}

Task<bool> ProcessWatch::ended(Deadline deadline) {
    SHORE_ASSERT(process_ != nullptr);
    while (!process_->has_ended()) {
        watch_.read_drained();
        if (!co_await ReadyBy(watch_, Direction::kRead, deadline)) {
            co_return process_->has_ended();
        }
    }
    co_return true;
}

Task<Result<os::ExitStatus>> wait_for_exit(Loop& loop, os::Process& child, Deadline deadline) {
    ProcessWatch watch(loop);
    SHORE_CO_CHECK(watch.start(child));
    if (!co_await watch.ended(deadline)) {
        co_return fail(ErrorCode::kTimeout, "process {} has not ended in the time allowed",
                       child.pid());
    }
    SHORE_CO_TRY(const auto status, child.try_wait());
    if (!status) {
        co_return fail(ErrorCode::kInternal, "process {} has ended but cannot be collected",
                       child.pid());
    }
    co_return *status;
}

}  // namespace shore::async

#include "async/command.h"

#include <array>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "async/process_watch.h"
#include "async/scope.h"
#include "os/unix_socket.h"

namespace shore::async {
namespace {

/// After a command has ended, how long its output may still be held open by something that left its
/// group.
constexpr auto kDrainTime = std::chrono::milliseconds(500);

struct OutputPipe {
    explicit OutputPipe(Loop& loop) : watch(loop) {}
    os::Fd read_end;
    os::Fd write_end;
    Watch watch;  // After read_end: ends first.

    Result<void> open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0) {
            return fail(os::last_error("pipe for output"));
        }
        read_end = os::Fd(ends[0]);
        write_end = os::Fd(ends[1]);
        SHORE_CHECK(os::set_nonblocking(ends[0], true));
        return watch.start(ends[0]);
    }
};

Task<void> pass_on(OutputPipe& pipe, OutputStream stream, const CommandOutput& output) {
    std::array<char, 8192> buffer;
    while (true) {
        size_t count = 0;
        switch (os::read_some(pipe.read_end.get(), buffer, count)) {
            case os::Transfer::kSome:
                output(stream, {buffer.data(), count});
                break;
            case os::Transfer::kWouldBlock:
                pipe.watch.read_drained();
                co_await pipe.watch.readable();
                break;
            case os::Transfer::kEnded:
                co_return;
        }
    }
}

Task<Result<void>> joined(Scope& scope) {
    co_await scope.join();
    co_return Result<void>();
}

}  // namespace

/// Kills the command's group when it goes out of scope; a process not collected by then is left to
/// the runner.
class CommandRunner::Child final {
 public:
    Child(CommandRunner& runner, os::Process process)
        : runner_(runner), process_(std::move(process)) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        // Before the child is collected, so that the group's number is still its own.
        kill_group();
        if (process_) {
            runner_.dying_.push_back(std::move(process_));
            runner_.collect_dying();
        }
    }
    os::Process& process() { return process_; }
    void kill_group() {
        if (process_) {
            (void)os::signal_group(process_.pid(), SIGKILL);
        }
    }
    Result<os::ExitStatus> collect() {
        kill_group();
        auto end = process_.try_wait();
        if (!end) {
            return fail(std::move(end).error());
        }
        if (!*end) {
            return fail(ErrorCode::kInternal, "process {} ended but cannot be collected",
                        process_.pid());
        }
        process_ = os::Process();
        return **end;
    }

 private:
    CommandRunner& runner_;
    os::Process process_;
};

void CommandRunner::collect_dying() {
    std::erase_if(dying_, [](os::Process& process) {
        const auto end = process.try_wait();
        return !end || *end;
    });
}

Task<Result<os::ExitStatus>> CommandRunner::run(os::SpawnOptions options, CommandOutput output) {
    collect_dying();
    OutputPipe out(loop_);
    OutputPipe err(loop_);
    SHORE_CO_CHECK(out.open());
    SHORE_CO_CHECK(err.open());
    options.standard_output = out.write_end.get();
    options.standard_error = err.write_end.get();
    options.new_process_group = true;
    options.parent_death_signal = SIGKILL;
    SHORE_CO_TRY(os::Process process, os::Process::spawn(options));
    out.write_end.close();
    err.write_end.close();
    Child child(*this, std::move(process));
    ProcessWatch watch(loop_);
    SHORE_CO_CHECK(watch.start(child.process()));
    Scope readers(loop_);
    readers.spawn(pass_on(out, OutputStream::kStdout, output));
    readers.spawn(pass_on(err, OutputStream::kStderr, output));
    co_await watch.ended();
    child.kill_group();
    (void)co_await with_deadline(loop_, Deadline::in(loop_, kDrainTime), "output of the command",
                                 joined(readers));
    co_return child.collect();
}

}  // namespace shore::async

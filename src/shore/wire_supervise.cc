#include "shore/wire_supervise.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "supervise/instance_order.h"
#include "supervise/log_reader.h"

namespace shore {

namespace {

supervise::InstanceOrder to_order(release::StartOrder order) {
    return {.id = std::move(order.instance),
            .stack = std::move(order.stack),
            .environment = std::move(order.environment),
            .service = std::move(order.spec),
            .slot = order.slot,
            .release = order.release,
            .digest = std::move(order.digest),
            .port_first = order.port_first,
            .port_last = order.port_last};
}

supervise::LogFilter to_filter(api::LogQuery query) {
    return {.stack = std::move(query.stack),
            .services = std::move(query.services),
            .instances = std::move(query.instances),
            .since = query.since,
            .tail = query.tail};
}

std::vector<std::string> json_of(std::vector<supervise::LogLine> lines) {
    std::vector<std::string> texts;
    texts.reserve(lines.size());
    for (supervise::LogLine& line : lines) {
        texts.push_back(std::move(line.json));
    }
    return texts;
}

/// Lines that are there now, in one piece.
class PresentLines final : public api::LogStream {
 public:
    PresentLines(async::Loop& loop, async::WorkerPool& workers, std::string directory,
                 supervise::LogFilter filter)
        : loop_(loop),
          workers_(workers),
          directory_(std::move(directory)),
          filter_(std::move(filter)) {}

    async::Task<Result<std::vector<std::string>>> next() override {
        if (done_) {
            co_return std::vector<std::string>();
        }
        auto work = [directory = directory_, filter = filter_] {
            return supervise::read_log_blocking(directory, filter);
        };
        SHORE_CO_TRY(auto lines, co_await workers_.run<std::vector<supervise::LogLine>>(
                                     loop_, std::move(work)));
        done_ = true;
        co_return json_of(std::move(lines));
    }

 private:
    async::Loop& loop_;
    async::WorkerPool& workers_;
    std::string directory_;
    supervise::LogFilter filter_;
    bool done_ = false;
};

class FollowedLines final : public api::LogStream {
 public:
    FollowedLines(async::Loop& loop, async::WorkerPool& workers, std::string directory,
                  supervise::LogFilter filter)
        : follower_(loop, workers, std::move(directory), std::move(filter)) {}

    async::Task<Result<std::vector<std::string>>> next() override {
        SHORE_CO_TRY(auto lines, co_await follower_.next());
        co_return json_of(std::move(lines));
    }

 private:
    supervise::LogFollower follower_;
};

}  // namespace

async::Task<Result<void>> ProcessRuntime::start(release::StartOrder order) {
    co_return supervisor_.start(to_order(std::move(order)));
}

async::Task<Result<void>> ProcessRuntime::stop(std::string stack, std::string instance) {
    auto stopped = co_await supervisor_.stop(supervise::instance_key(stack, instance));
    if (!stopped && stopped.error().code() == ErrorCode::kNotFound) {
        co_return Result<void>();
    }
    co_return stopped;
}

Result<void> ProcessRuntime::adopt(const release::StartOrder& order) {
    return supervisor_.update(to_order(order));
}

void ProcessRuntime::forget(std::string_view stack, std::string_view instance) {
    // What is unknown or still live is not forgotten; the plan will see it and ask again.
    [[maybe_unused]] const auto forgotten =
        supervisor_.forget(supervise::instance_key(stack, instance));
}

std::vector<model::Instance> ProcessRuntime::instances(std::string_view stack) const {
    return supervisor_.instances(stack);
}

std::vector<std::string> ProcessRuntime::last_output(std::string_view stack,
                                                     std::string_view instance) const {
    return supervisor_.last_lines(supervise::instance_key(stack, instance));
}

async::Task<Result<void>> ProcessRuntime::remove_stack(std::string stack, bool with_volumes) {
    for (const model::Instance& instance : supervisor_.instances(stack)) {
        forget(stack, instance.id);
    }
    std::vector<std::filesystem::path> directories = {paths_.run() / stack};
    if (with_volumes) {
        directories.push_back(paths_.volumes() / stack);
    }
    auto work = [directories = std::move(directories)]() -> Result<bool> {
        for (const std::filesystem::path& directory : directories) {
            std::error_code error;
            std::filesystem::remove_all(directory, error);
            if (error) {
                return fail(Error::from_errno(error.value(), "remove " + directory.native()));
            }
        }
        return true;
    };
    SHORE_CO_TRY([[maybe_unused]] const bool removed,
                 co_await workers_.run<bool>(loop_, std::move(work)));
    co_return Result<void>();
}

std::unique_ptr<api::LogStream> LogFiles::open(api::LogQuery query) {
    const bool follow = query.follow;
    std::string directory = paths_.logs().native();
    if (follow) {
        return std::make_unique<FollowedLines>(loop_, workers_, std::move(directory),
                                               to_filter(std::move(query)));
    }
    return std::make_unique<PresentLines>(loop_, workers_, std::move(directory),
                                          to_filter(std::move(query)));
}

async::Task<Result<int32_t>> InstanceExec::run(
    api::ExecRequest request, std::function<void(api::ExecStream, std::string_view)> output) {
    auto forward = [output = std::move(output)](async::OutputStream stream,
                                                std::string_view bytes) {
        output(stream == async::OutputStream::kStdout ? api::ExecStream::kStdout
                                                      : api::ExecStream::kStderr,
               bytes);
    };
    SHORE_CO_TRY(const os::ExitStatus status,
                 co_await supervisor_.exec(supervise::instance_key(request.stack, request.instance),
                                           std::move(request.command), std::move(forward)));
    co_return static_cast<int32_t>(status.shell_code());
}

}  // namespace shore

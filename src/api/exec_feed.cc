#include "api/exec_feed.h"

#include "api/limits.h"
#include "wire/base64.h"
#include "wire/json.h"

namespace shore::api {

ExecFeed::ExecFeed(async::Loop& loop, Exec& exec, ExecRequest request, size_t& running)
    : exec_(exec), running_(running), arrived_(loop), scope_(loop) {
    ++running_;
    scope_.spawn(run(std::move(request)));
}

ExecFeed::~ExecFeed() {
    --running_;
}

void ExecFeed::take(ExecStream stream, std::string_view bytes) {
    if (pending_.size() > kExecPendingBytesMax) {
        overflown_ = true;
    }
    if (!overflown_) {
        pending_ += wire::Json::object()
                        .set("kind", stream == ExecStream::kStdout ? "stdout" : "stderr")
                        .set("bytes", wire::base64(bytes))
                        .dump() +
                    "\n";
    }
    arrived_.pulse();
}

async::Task<void> ExecFeed::run(ExecRequest request) {
    const auto status = co_await exec_.run(
        std::move(request),
        [this](ExecStream stream, std::string_view bytes) { take(stream, bytes); });
    if (!status) {
        pending_ += failure(status.error());
    } else {
        pending_ +=
            wire::Json::object().set("kind", "exit").set("exit_code", *status).dump() + "\n";
    }
    ended_ = true;
    arrived_.pulse();
}

async::Task<Result<std::optional<std::string>>> ExecFeed::next() {
    while (pending_.empty() && !ended_) {
        co_await arrived_.wait();
    }
    if (overflown_) {
        co_return fail(ErrorCode::kExhausted,
                       "the command wrote faster than the client read; it was killed");
    }
    if (pending_.empty()) {
        co_return std::nullopt;
    }
    co_return std::exchange(pending_, {});
}

}  // namespace shore::api

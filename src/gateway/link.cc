#include "gateway/link.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "async/timer.h"
#include "gateway/limits.h"
#include "net/dial.h"
#include "wire/json.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Json;

namespace {

constexpr auto kDialTimeout = std::chrono::seconds(2);
constexpr size_t kReadBytes = 16 * 1024;

Error lost_error() {
    return Error(ErrorCode::kUnavailable, "the gateway does not answer");
}

ErrorCode code_of(std::string_view name) {
    for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kNotFound, ErrorCode::kConflict,
                                 ErrorCode::kUnavailable, ErrorCode::kUnsupported}) {
        if (to_string(code) == name) {
            return code;
        }
    }
    return ErrorCode::kInternal;
}

/// The answer to a question as one line.
Result<std::string> answer_of(const Json& message) {
    if (const Json* const error = message.find("error")) {
        return fail(Error(code_of(message["code"].text()), std::string(error->text())));
    }
    return message["answer"].dump();
}

}  // namespace

/// Somebody who waits for an answer; lives in a coroutine frame and takes itself off the link.
struct Link::Waiter {
    Waiter(Link& l, Wanted w, std::string n = {}, uint64_t v = 0)
        : link(&l), wanted(w), name(std::move(n)), version(v), ready(l.loop_) {
        link->waiters_.push_back(this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        if (link != nullptr) {
            std::erase(link->waiters_, this);
        }
    }

    /// Completes when resolved.
    Task<Result<std::string>> outcome_ready() {
        co_await ready.wait();
        co_return std::move(*outcome);
    }

    Link* link;  // Null once resolved.
    Wanted wanted;
    std::string name;
    uint64_t version;
    std::optional<Result<std::string>> outcome;
    async::Event ready;
};

Link::Link(async::Loop& loop, std::string socket_path)
    : loop_(loop), socket_path_(std::move(socket_path)), outbox_filled_(loop), hurry_(loop) {
}

Link::~Link() {
    stop();
}

void Link::start() {
    if (!scope_) {
        scope_ = std::make_unique<async::Scope>(loop_);
        scope_->spawn(run());
    }
}

void Link::hurry() {
    hurry_.pulse();
}

void Link::stop() {
    scope_.reset();
    lose_connection();
}

void Link::set_on_connected(std::function<void()> on_connected) {
    on_connected_ = std::move(on_connected);
}

void Link::resolve(Waiter& waiter, Result<std::string> outcome) {
    std::erase(waiters_, &waiter);
    waiter.link = nullptr;
    waiter.outcome.emplace(std::move(outcome));
    waiter.ready.set();
}

void Link::lose_connection() {
    stream_.reset();
    outbox_.clear();
    const std::vector<Waiter*> waiters = waiters_;
    for (Waiter* const waiter : waiters) {
        // Who waits for a connection goes on waiting, unless there will be none.
        if (waiter->wanted != Wanted::kConnection || !scope_) {
            resolve(*waiter, fail(lost_error()));
        }
    }
}

Task<void> Link::run() {
    auto pause = kLinkPauseFirst;
    while (true) {
        auto address = net::Address::unix_path(socket_path_);
        if (!address) {
            co_return;  // connection() tells whoever asks.
        }
        auto stream = co_await net::dial(loop_, *address, Deadline::in(loop_, kDialTimeout));
        if (stream) {
            pause = kLinkPauseFirst;
            stream_ = std::move(*stream);
            const std::vector<Waiter*> waiters = waiters_;
            for (Waiter* const waiter : waiters) {
                if (waiter->wanted == Wanted::kConnection) {
                    resolve(*waiter, std::string());
                }
            }
            if (on_connected_) {
                on_connected_();
            }
            async::Scope writing(loop_);
            writing.spawn(write_outbox());
            co_await read_lines();
            writing.stop();
            lose_connection();
        }
        co_await async::pulsed(loop_, hurry_, Deadline::in(loop_, pause));
        pause = std::min(pause * 2, kLinkPauseLongest);
    }
}

Task<void> Link::write_outbox() {
    while (true) {
        while (outbox_.empty()) {
            co_await outbox_filled_.wait();
        }
        const std::string lines = std::exchange(outbox_, {});
        const auto written =
            co_await stream_->write_all(lines, Deadline::in(loop_, kLinkAnswerWait));
        if (!written) {
            // The reader sees the end and cleans up.
            [[maybe_unused]] const auto ended = stream_->shutdown_write();
            co_return;
        }
    }
}

Task<void> Link::read_lines() {
    std::string received;
    std::array<char, kReadBytes> piece;
    size_t scanned = 0;
    while (true) {
        const auto got = co_await stream_->read_some(piece, Deadline::never());
        if (!got || *got == 0 || received.size() + *got > kControlLineMax) {
            co_return;
        }
        received.append(piece.data(), *got);
        size_t begin = 0;
        for (size_t end = received.find('\n', scanned); end != std::string::npos;
             end = received.find('\n', begin)) {
            take_line(std::string_view(received).substr(begin, end - begin));
            begin = end + 1;
        }
        received.erase(0, begin);
        scanned = received.size();
    }
}

void Link::take_line(std::string_view line) {
    const auto message = Json::parse(line);
    if (!message) {
        return;
    }
    const Json* const version = message->find("ack");
    const Json* const endpoint = message->find("drained");
    const Json* const metrics = message->find("metrics");
    const Json* const question = message->find("id");
    if (version != nullptr) {
        listen_errors_.clear();
        for (const Json& error : (*message)["errors"].items()) {
            std::string text =
                fmt::format("listen on {}: {}", error["listen"].text(), error["error"].text());
            if (std::ranges::find(listen_errors_, text) == listen_errors_.end()) {
                listen_errors_.push_back(std::move(text));  // Every loop reports the same one.
            }
        }
    }
    const std::vector<Waiter*> waiters = waiters_;
    for (Waiter* const waiter : waiters) {
        const bool is_acknowledged = version != nullptr &&
                                     waiter->wanted == Wanted::kAcknowledgement &&
                                     static_cast<uint64_t>(version->integer()) >= waiter->version;
        const bool is_drained = endpoint != nullptr && waiter->wanted == Wanted::kDrained &&
                                waiter->name == endpoint->text();
        if (is_acknowledged || is_drained) {
            resolve(*waiter, std::string());
        } else if (metrics != nullptr && waiter->wanted == Wanted::kMetrics) {
            resolve(*waiter, std::string(metrics->text()));
        } else if (question != nullptr && waiter->wanted == Wanted::kAnswer &&
                   static_cast<uint64_t>(question->integer()) == waiter->version) {
            resolve(*waiter, answer_of(*message));
        }
    }
}

Task<Result<void>> Link::connection(Deadline deadline) {
    if (stream_) {
        co_return Result<void>();
    }
    if (!scope_) {
        co_return fail(lost_error().with("the link is stopped"));
    }
    SHORE_CO_CHECK(net::Address::unix_path(socket_path_));
    Waiter waiter(*this, Wanted::kConnection);
    const auto connected = co_await async::with_deadline(
        loop_, deadline, "connecting to the gateway", waiter.outcome_ready());
    if (!connected) {
        co_return fail(lost_error().with(socket_path_));
    }
    co_return Result<void>();
}

Task<Result<Acknowledgement>> Link::publish(const model::Snapshot& snapshot) {
    return publish_line(snapshot.version, "{\"snapshot\":" + model::to_json(snapshot) + "}\n");
}

Task<Result<Acknowledgement>> Link::publish_line(uint64_t version, std::string line) {
    SHORE_CO_CHECK(co_await connection(Deadline::in(loop_, kLinkConnectWait)));
    Waiter waiter(*this, Wanted::kAcknowledgement, {}, version);
    outbox_ += line;
    outbox_filled_.pulse();
    SHORE_CO_CHECK(co_await async::with_deadline(loop_, Deadline::in(loop_, kLinkAnswerWait),
                                                 "the gateway's acknowledgement",
                                                 waiter.outcome_ready()));
    co_return Acknowledgement{.version = version, .listen_errors = listen_errors_};
}

Task<Result<void>> Link::drained(std::string endpoint, Deadline deadline) {
    SHORE_CO_CHECK(
        co_await connection(Deadline{std::min(deadline.at, loop_.now() + kLinkConnectWait)}));
    outbox_ += Json::object().set("watch_drain", endpoint).dump() + "\n";
    outbox_filled_.pulse();
    Waiter waiter(*this, Wanted::kDrained, endpoint);
    SHORE_CO_CHECK(co_await async::with_deadline(loop_, deadline, "draining " + endpoint,
                                                 waiter.outcome_ready()));
    co_return Result<void>();
}

Task<Result<std::string>> Link::metrics(Deadline deadline) {
    SHORE_CO_CHECK(
        co_await connection(Deadline{std::min(deadline.at, loop_.now() + kLinkConnectWait)}));
    outbox_ += "{\"metrics\":true}\n";
    outbox_filled_.pulse();
    Waiter waiter(*this, Wanted::kMetrics);
    co_return co_await async::with_deadline(loop_, deadline, "the gateway's metrics",
                                            waiter.outcome_ready());
}

Task<Result<Json>> Link::ask(std::string question, Json with, Deadline deadline) {
    SHORE_CO_CHECK(
        co_await connection(Deadline{std::min(deadline.at, loop_.now() + kLinkConnectWait)}));
    const uint64_t number = ++questions_;
    outbox_ +=
        Json::object().set("ask", question).set("id", number).set("with", std::move(with)).dump() +
        "\n";
    outbox_filled_.pulse();
    Waiter waiter(*this, Wanted::kAnswer, {}, number);
    SHORE_CO_TRY(const std::string line,
                 co_await async::with_deadline(loop_, deadline, "the gateway's answer",
                                               waiter.outcome_ready()));
    co_return Json::parse(line);
}

}  // namespace shore::gateway

#include "cli/client.h"

#include "async/loop.h"
#include "wire/uri.h"

namespace shore::cli {
namespace {

using wire::Json;

ErrorCode code_named(std::string_view name) {
    for (uint8_t i = 1; i <= static_cast<uint8_t>(ErrorCode::kInternal); ++i) {
        if (to_string(static_cast<ErrorCode>(i)) == name) {
            return static_cast<ErrorCode>(i);
        }
    }
    return name == "not_ready" ? ErrorCode::kUnavailable : ErrorCode::kInvalid;
}

std::string finding_text(const Json& finding) {
    std::string text;
    if (!finding["file"].text().empty()) {
        text += finding["file"].text();
        if (finding["line"].integer() != 0) {
            text += fmt::format(":{}:{}", finding["line"].integer(), finding["column"].integer());
        }
        text += ": ";
    }
    const std::string_view place =
        finding["path"].text().empty() ? finding["pointer"].text() : finding["path"].text();
    if (!place.empty()) {
        text += fmt::format("{}: ", place);
    }
    return text + std::string(finding["detail"].text());
}

/// Until the head of an answer. Only `down` may take longer: it waits for every grace period.
constexpr std::chrono::seconds kAnswerTimeout{60};

async::Deadline no_deadline() {
    return async::Deadline::never();
}

}  // namespace

std::string stack_target(std::string_view stack, std::string_view rest) {
    return fmt::format("/v1/stacks/{}{}", wire::percent_encode(stack), rest);
}

Error to_error(const Json& problem) {
    std::string text(problem["detail"].text("the daemon gave no reason"));
    // The findings say all that the summary says, and where.
    const auto findings = problem["errors"].items();
    if (!findings.empty()) {
        text.clear();
        for (const Json& finding : findings) {
            text += text.empty() ? "" : "\n";
            text += finding_text(finding);
        }
    }
    return Error(code_named(problem["code"].text()), std::move(text));
}

Client::Client(async::Loop& loop, std::string state_directory)
    : loop_(loop), socket_path_(std::move(state_directory) + "/run/api.sock") {
}

async::Task<Result<std::unique_ptr<net::HttpExchange>>> Client::start(std::string method,
                                                                      std::string target,
                                                                      Json body) {
    SHORE_CO_TRY(net::Address address, net::Address::unix_path(socket_path_));
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    if (!body.is_null()) {
        request.body = body.dump();
        request.fields.set("Content-Type", "application/json");
    }
    const auto deadline =
        request.method == "DELETE" ? no_deadline() : async::Deadline::in(loop_, kAnswerTimeout);
    net::HttpClient client(loop_, std::move(address));
    auto exchange = co_await client.start(std::move(request), deadline);
    was_absent_ = false;
    had_no_socket_ = false;
    if (!exchange) {
        const ErrorCode code = exchange.error().code();
        had_no_socket_ = code == ErrorCode::kNotFound;
        was_absent_ = had_no_socket_ || code == ErrorCode::kUnavailable;
        co_return fail(std::move(exchange.error()).with("the daemon does not answer"));
    }
    if (!(*exchange)->success()) {
        SHORE_CO_TRY(const std::string text, co_await (*exchange)->read_all(no_deadline()));
        const auto problem = Json::parse(text);
        if (!problem || !problem->is_object()) {
            co_return fail(ErrorCode::kInternal, "the daemon answered {} without a reason",
                           (*exchange)->status());
        }
        co_return fail(to_error(*problem));
    }
    co_return std::move(*exchange);
}

async::Task<Result<Json>> Client::call(std::string method, std::string target, Json body) {
    SHORE_CO_TRY(const auto exchange,
                 co_await start(std::move(method), std::move(target), std::move(body)));
    SHORE_CO_TRY(const std::string text, co_await exchange->read_all(no_deadline()));
    if (exchange->fields().find("Content-Type").value_or("") != "application/json") {
        co_return Json(text);
    }
    co_return Json::parse(text);
}

async::Task<Result<Json>> Client::get(std::string target) {
    return call("GET", std::move(target), {});
}
async::Task<Result<Json>> Client::post(std::string target, Json body) {
    return call("POST", std::move(target), std::move(body));
}
async::Task<Result<Json>> Client::remove(std::string target) {
    return call("DELETE", std::move(target), {});
}
async::Task<Result<void>> Client::ready() {
    SHORE_CO_CHECK(co_await get("/readyz"));
    co_return Result<void>();
}

async::Task<Result<std::unique_ptr<EventStream>>> Client::follow(std::string target) {
    SHORE_CO_TRY(auto exchange, co_await start("GET", std::move(target), {}));
    co_return std::make_unique<EventStream>(std::move(exchange));
}

async::Task<Result<std::unique_ptr<LineStream>>> Client::lines(std::string method,
                                                               std::string target, Json body) {
    SHORE_CO_TRY(auto exchange,
                 co_await start(std::move(method), std::move(target), std::move(body)));
    co_return std::make_unique<LineStream>(std::move(exchange));
}

async::Task<Result<std::optional<net::SseEvent>>> EventStream::next() {
    while (true) {
        if (auto event = reader_.next()) {
            if (event->event == "problem") {
                SHORE_CO_TRY(const Json problem, Json::parse(event->data));
                co_return fail(to_error(problem));
            }
            co_return event;
        }
        SHORE_CO_TRY(const std::string bytes, co_await exchange_->read(no_deadline()));
        if (bytes.empty()) {
            co_return std::nullopt;
        }
        SHORE_CO_CHECK(reader_.feed(bytes));
    }
}

async::Task<Result<std::optional<std::string>>> LineStream::next() {
    while (true) {
        const size_t end = buffer_.find('\n', taken_);
        if (end != buffer_.npos || (ended_ && taken_ < buffer_.size())) {
            std::string line = buffer_.substr(taken_, end - taken_);
            taken_ = end == buffer_.npos ? buffer_.size() : end + 1;
            if (!line.empty()) {
                co_return line;
            }
            continue;
        }
        if (ended_) {
            co_return std::nullopt;
        }
        buffer_.erase(0, std::exchange(taken_, 0));
        SHORE_CO_TRY(const std::string bytes, co_await exchange_->read(no_deadline()));
        ended_ = bytes.empty();
        buffer_ += bytes;
    }
}

}  // namespace shore::cli

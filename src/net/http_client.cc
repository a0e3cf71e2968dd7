#include "net/http_client.h"

#include "net/dial.h"
#include "net/http_body_reader.h"

namespace shore::net {

using async::Deadline;
using async::Task;

namespace {

std::string request_text(const HttpRequest& request, const std::string& host) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
    if (!request.fields.find("Host")) {
        text += fmt::format("Host: {}\r\n", host);
    }
    append_fields(text, request.fields);
    const wire::Method method = wire::method_of(request.method);
    const bool usually_empty = method == wire::Method::kGet || method == wire::Method::kHead ||
                               method == wire::Method::kDelete || method == wire::Method::kOptions;
    if (!request.body.empty() || !usually_empty) {
        text += fmt::format("Content-Length: {}\r\n", request.body.size());
    }
    text += "\r\n";
    return text;
}

/// A request line is built from text; a target with a space or a control byte would become another
/// request.
bool is_sendable(const HttpRequest& request) {
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    return !request.method.empty() && request.target.starts_with('/') &&
           std::ranges::all_of(request.method, is_visible) &&
           std::ranges::all_of(request.target, is_visible);
}

HttpResponse take_head(const wire::ResponseHead& head, const std::string& buffer) {
    HttpResponse response{.status = head.status};
    for (uint32_t i = 0; i < head.field_count; ++i) {
        response.fields.add(head.fields[i].name.in(buffer.data()),
                            head.fields[i].value.in(buffer.data()));
    }
    return response;
}

/// Reads heads into `head` until one is final; `buffer` then begins behind it.
Task<Result<HttpResponse>> read_response_head(Stream& stream, std::string& buffer,
                                              wire::Method method, wire::ResponseHead& head,
                                              Deadline deadline) {
    const wire::HeadLimits limits{.bytes_max = wire::kHeadBytesMax, .fields_max = wire::kFieldsMax};
    head.clear();
    while (true) {
        const auto status = buffer.empty() ? wire::ParseStatus::kMore
                                           : wire::parse_response(buffer.data(), buffer.size(),
                                                                  limits, method, head);
        if (status == wire::ParseStatus::kBad) {
            co_return fail(ErrorCode::kCorrupt, "the answer is not HTTP/1.1: {}",
                           wire::to_string(head.fault));
        }
        if (status == wire::ParseStatus::kDone) {
            HttpResponse response = take_head(head, buffer);
            buffer.erase(0, head.size);
            if (response.status >= 200 || response.status == 101) {
                co_return response;
            }
            head.clear();
            continue;
        }
        SHORE_CO_TRY(const size_t got, co_await read_more(stream, buffer, deadline));
        if (got == 0) {
            co_return fail(ErrorCode::kUnavailable, "the server closed the connection {}",
                           buffer.empty() ? "without an answer" : "in the middle of its answer");
        }
    }
}

}  // namespace

HttpExchange::HttpExchange() = default;
HttpExchange::~HttpExchange() = default;

Task<Result<std::string>> HttpExchange::read(Deadline deadline) {
    return body_->next(deadline);
}

Task<Result<std::string>> HttpExchange::read_all(Deadline deadline, uint64_t bytes_max) {
    std::string body;
    while (true) {
        SHORE_CO_TRY(const std::string bytes, co_await body_->next(deadline));
        if (body.size() + bytes.size() > bytes_max) {
            co_return fail(ErrorCode::kExhausted, "the answer has more than {} bytes", bytes_max);
        }
        body += bytes;
        if (body_->ended()) {
            co_return body;
        }
    }
}

HttpClient::HttpClient(async::Loop& loop, Address address, std::string host)
    : loop_(loop), address_(std::move(address)), host_(std::move(host)) {
    if (host_.empty()) {
        host_ = address_.is_unix() ? "localhost" : address_.to_text();
    }
}

HttpClient::~HttpClient() = default;

Task<Result<std::unique_ptr<HttpExchange>>> HttpClient::try_once(const HttpRequest& request,
                                                                 std::unique_ptr<Stream> stream,
                                                                 Deadline deadline) {
    const std::string head_text = request_text(request, host_);
    // A server may refuse early and close while the body is still being sent; its answer counts
    // more than the failure.
    const auto sent = co_await stream->write_all(head_text, request.body, deadline);
    if (!sent && sent.error().code() == ErrorCode::kTimeout) {
        co_return fail(sent.error());
    }
    std::unique_ptr<HttpExchange> exchange(new HttpExchange);
    exchange->stream_ = std::move(stream);
    const auto head = std::make_unique<wire::ResponseHead>();
    auto response = co_await read_response_head(*exchange->stream_, exchange->buffer_,
                                                wire::method_of(request.method), *head, deadline);
    if (!response) {
        co_return fail(sent ? std::move(response).error() : sent.error());
    }
    exchange->head_ = std::move(*response);
    exchange->keep_alive_ = head->keep_alive && head->framing != wire::Framing::kUntilClose && sent;
    exchange->body_ =
        std::make_unique<HttpBodyReader>(*exchange->stream_, exchange->buffer_, *head);
    co_return exchange;
}

Task<Result<std::unique_ptr<HttpExchange>>> HttpClient::start(HttpRequest request,
                                                              Deadline deadline) {
    const std::string what =
        fmt::format("{} {} at {}", request.method, request.path(), address_.to_text());
    if (!is_sendable(request)) {
        co_return fail(ErrorCode::kInvalid, "{}: the method or the target is not encoded", what);
    }
    if (kept_ && !kept_->peer_closed()) {
        auto exchange = co_await try_once(request, std::move(kept_), deadline);
        const bool may_repeat = may_repeat_ && wire::is_idempotent(wire::method_of(request.method));
        if (exchange || exchange.error().code() != ErrorCode::kUnavailable || !may_repeat) {
            if (!exchange) {
                exchange.error().with(what);
            }
            co_return exchange;
        }
    }
    kept_.reset();
    SHORE_CO_TRY(auto stream, co_await dial(loop_, address_, deadline));
    auto exchange = co_await try_once(request, std::move(stream), deadline);
    if (!exchange) {
        exchange.error().with(what);
    }
    co_return exchange;
}

Task<Result<HttpResponse>> HttpClient::fetch(HttpRequest request, Deadline deadline,
                                             uint64_t bytes_max) {
    const std::string what =
        fmt::format("{} {} at {}", request.method, request.path(), address_.to_text());
    SHORE_CO_TRY(auto exchange, co_await start(std::move(request), deadline));
    auto body = co_await exchange->read_all(deadline, bytes_max);
    if (!body) {
        co_return fail(std::move(body).error().with(what));
    }
    HttpResponse response = std::move(exchange->head_);
    response.body = std::move(*body);
    if (exchange->keep_alive_ && exchange->buffer_.empty()) {
        kept_ = std::move(exchange->stream_);
    }
    co_return response;
}

Task<Result<HttpResponse>> http_fetch(async::Loop& loop, Address address, HttpRequest request,
                                      Deadline deadline, uint64_t bytes_max) {
    HttpClient client(loop, std::move(address));
    request.fields.set("Connection", "close");
    co_return co_await client.fetch(std::move(request), deadline, bytes_max);
}

}  // namespace shore::net

#include "net/http2_fetch.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "net/dial.h"
#include "wire/http2.h"

namespace shore::net {

using async::Deadline;
using async::Task;

namespace {

/// What comes on the one stream.
class Answer final : public wire::Http2Owner {
 public:
    explicit Answer(uint64_t bytes_max) : bytes_max_(bytes_max) {}

    wire::Http2Stream* on_request(int32_t) override { return nullptr; }
    void on_field(wire::Http2Stream& of, std::string_view name, std::string_view value) override {
        if (name == ":status") {
            response.status = 0;
            for (const char digit : value.substr(0, 3)) {
                response.status = static_cast<uint16_t>(response.status * 10 + (digit - '0'));
            }
        } else if (!of.interim && !name.starts_with(':')) {
            response.fields.add(name, value);
        }
    }
    void on_head(wire::Http2Stream& of, bool end) override { whole = end && !of.interim; }
    void on_body(wire::Http2Stream& of, std::string_view bytes) override {
        taken_ += bytes.size();
        if (response.body.size() + bytes.size() <= bytes_max_) {
            response.body += bytes;
        } else {
            too_large = true;
            of.unwanted = true;
        }
    }
    void on_trailer(wire::Http2Stream&, std::string_view name, std::string_view value) override {
        response.fields.add(name, value);
    }
    void on_body_end(wire::Http2Stream&) override { whole = true; }
    void on_taken(wire::Http2Stream&) override {}
    void on_closed(wire::Http2Stream&) override {}

    /// Body bytes since the last call: what the server may send again.
    size_t taken() { return std::exchange(taken_, 0); }

    HttpResponse response;
    wire::Http2Stream stream;
    bool whole = false;
    bool too_large = false;

 private:
    uint64_t bytes_max_;
    size_t taken_ = 0;
};

void submit(wire::Http2Session& session, Answer& answer, const HttpRequest& request,
            const std::string& host) {
    std::vector<wire::Http2Field> fields = {{.name = ":method", .value = request.method},
                                            {.name = ":scheme", .value = "http"},
                                            {.name = ":authority", .value = host},
                                            {.name = ":path", .value = request.target}};
    for (const HttpField& field : request.fields) {
        fields.push_back({.name = field.name, .value = field.value});
    }
    session.request(answer.stream, fields, request.body.empty());
    if (!request.body.empty()) {
        session.send(answer.stream, request.body, true);
    }
}

}  // namespace

Task<Result<HttpResponse>> http2_fetch(async::Loop& loop, Address address, HttpRequest request,
                                       Deadline deadline, uint64_t bytes_max) {
    const std::string host = address.to_text();
    SHORE_CO_TRY(const auto stream, co_await dial(loop, std::move(address), deadline));
    Answer answer(bytes_max);
    wire::Http2Session session(answer, {}, wire::Http2Role::kClient);
    submit(session, answer, request, host);
    std::string buffer(2 * wire::kHttp2RoomMin, '\0');
    while (!answer.whole && !answer.too_large) {
        while (const size_t count = session.produce(buffer.data(), buffer.size())) {
            SHORE_CO_CHECK(co_await stream->write_all({buffer.data(), count}, deadline));
        }
        if (answer.stream.closed) {
            co_return fail(ErrorCode::kUnavailable, "{} broke off the request (HTTP/2 error {})",
                           host, answer.stream.code);
        }
        SHORE_CO_TRY(const size_t got, co_await stream->read_some(buffer, deadline));
        if (got == 0) {
            co_return fail(ErrorCode::kUnavailable, "{} closed the connection without an answer",
                           host);
        }
        if (!session.receive({buffer.data(), got}, loop.now())) {
            co_return fail(ErrorCode::kCorrupt, "{} does not speak HTTP/2", host);
        }
        session.consumed(answer.stream.id, answer.taken());
    }
    co_return std::move(answer.response);
}

Task<Result<std::string>> grpc_health(async::Loop& loop, Address address, std::string service,
                                      Deadline deadline) {
    constexpr size_t kNameMax = 100;  // One byte says its length, and that of the message.
    constexpr std::string_view kServing = "\x08\x01";
    if (service.size() > kNameMax) {
        co_return fail(ErrorCode::kInvalid, "a service's name may have {} characters, got {}",
                       kNameMax, service.size());
    }
    // HealthCheckRequest {string service = 1}, behind gRPC's flag and length.
    std::string message;
    if (!service.empty()) {
        message = "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    }
    const std::string body = std::string(4, '\0') + static_cast<char>(message.size()) + message;
    const std::string what =
        service.empty() ? std::string("gRPC health") : "gRPC health of " + service;
    SHORE_CO_TRY(const HttpResponse answer,
                 co_await http2_fetch(loop, std::move(address),
                                      {.method = "POST",
                                       .target = "/grpc.health.v1.Health/Check",
                                       .fields = {{"content-type", "application/grpc"},
                                                  {"te", "trailers"},
                                                  {"user-agent", "shore-health"}},
                                       .body = body},
                                      deadline));
    const auto status = answer.fields.find("grpc-status");
    if (answer.status != 200 || status != "0") {
        co_return fail(ErrorCode::kUnavailable, "{}: HTTP {}, grpc-status {} {}", what,
                       answer.status, status.value_or("absent"),
                       answer.fields.find("grpc-message").value_or(""));
    }
    // HealthCheckResponse {ServingStatus status = 1}: SERVING is 1.
    if (answer.body.size() < 5 || answer.body.substr(5) != kServing) {
        co_return fail(ErrorCode::kUnavailable, "{}: not serving", what);
    }
    co_return what + ": serving";
}

}  // namespace shore::net

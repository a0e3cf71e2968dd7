#include "net/http_server.h"

#include <sys/socket.h>

#include "async/ready_by.h"
#include "net/http_body_reader.h"
#include "os/user.h"

namespace shore::net {

using async::Deadline;
using async::Task;

namespace {

bool has_no_body(uint16_t status) {
    return status < 200 || status == 204 || status == 304;
}

/// What to do after reading a part of a request.
enum class Next : uint8_t { kHandle, kAnswer, kClose };

Task<Result<void>> joined(async::Scope& scope) {
    co_await scope.join();
    co_return Result<void>();
}

struct Outcome {
    Next next = Next::kClose;
    uint16_t status = 0;  ///< With kAnswer: it is sent and the connection ends.
    std::string reason;

    static Outcome handle() { return {.next = Next::kHandle}; }
    static Outcome close() { return {}; }
    static Outcome answer(uint16_t status, std::string_view reason) {
        return {.next = Next::kAnswer, .status = status, .reason = std::string(reason)};
    }
};

}  // namespace

/// One client's connection: reads requests one after another and is the responder for each. Owned
/// by its task.
class HttpServer::Connection final : public HttpResponder {
 public:
    Connection(HttpServer& server, std::unique_ptr<Stream> stream, Address peer)
        : server_(server),
          stream_(std::move(stream)),
          peer_(std::move(peer)),
          done_(server.loop_),
          begun_(server.loop_) {
        server_.connections_.push_back(this);
    }
    ~Connection() override { std::erase(server_.connections_, this); }

    Task<void> run();
    /// Ends a connection that waits for a request; one that is being answered ends after its
    /// answer.
    void stop() {
        if (idle_) {
            ::shutdown(stream_->descriptor(), SHUT_RD);
        }
    }

    Task<Result<void>> send(HttpResponse response) override;
    Task<Result<void>> begin(HttpResponse head) override;
    Task<Result<void>> write(std::string bytes) override;
    Task<Result<void>> end() override;
    bool over() const override { return stream_->peer_closed() || server_.stopping_; }

 private:
    enum class State : uint8_t { kNothingSent, kStreaming, kEnded, kBroken };

    Task<Outcome> read_head();
    Task<Outcome> read_body();
    Task<void> answer();
    Task<void> run_handler();
    Task<void> watch_client();
    void take_request();
    std::string head_text(const HttpResponse& response) const;
    Task<Result<void>> put(std::string_view first, std::string_view second);
    Deadline in(std::chrono::milliseconds duration) const {
        return Deadline::in(server_.loop_, duration);
    }

    HttpServer& server_;
    std::unique_ptr<Stream> stream_;
    Address peer_;
    std::string buffer_;
    wire::RequestHead head_;
    HttpRequest request_;
    State state_ = State::kNothingSent;
    bool idle_ = false;
    bool keep_alive_ = false;
    bool chunked_ = false;
    async::Event done_;
    async::Event begun_;
};

void HttpServer::Connection::take_request() {
    const char* const data = buffer_.data();
    request_ = {};
    request_.peer = peer_;
    request_.peer_user = os::peer_user(stream_->descriptor());
    request_.method = head_.method_text.in(data);
    request_.target = head_.target.in(data);
    if (head_.form == wire::TargetForm::kAbsolute) {
        request_.target = head_.path.empty() ? "/" : std::string(head_.path.in(data));
        request_.target += head_.query.in(data);
    }
    for (uint32_t i = 0; i < head_.field_count; ++i) {
        request_.fields.add(head_.fields[i].name.in(data), head_.fields[i].value.in(data));
    }
    buffer_.erase(0, head_.size);
}

Task<Outcome> HttpServer::Connection::read_head() {
    const wire::HeadLimits limits{.bytes_max = kHttpHeadBytesMax};
    head_.clear();
    idle_ = buffer_.empty();
    Deadline deadline = in(idle_ ? server_.options_.idle_timeout : server_.options_.head_timeout);
    while (true) {
        const auto status =
            buffer_.empty() ? wire::ParseStatus::kMore
                            : wire::parse_request(buffer_.data(), buffer_.size(), limits, head_);
        if (status == wire::ParseStatus::kDone) {
            take_request();
            co_return Outcome::handle();
        }
        if (status == wire::ParseStatus::kBad) {
            co_return Outcome::answer(wire::status_for(head_.fault), wire::to_string(head_.fault));
        }
        if (idle_ && server_.stopping_) {
            co_return Outcome::close();
        }
        const auto got = co_await read_more(*stream_, buffer_, deadline);
        if (!got && got.error().code() == ErrorCode::kTimeout && !idle_) {
            co_return Outcome::answer(408, "the head of the request did not arrive in time");
        }
        if (!got || *got == 0) {
            co_return Outcome::close();
        }
        if (idle_) {
            idle_ = false;
            deadline = in(server_.options_.head_timeout);
        }
    }
}

Task<Outcome> HttpServer::Connection::read_body() {
    const uint64_t limit = server_.options_.body_bytes_max;
    if (head_.framing == wire::Framing::kLength && head_.content_length > limit) {
        co_return Outcome::answer(413, fmt::format("a body may have {} bytes", limit));
    }
    HttpBodyReader reader(*stream_, buffer_, head_);
    if (head_.expect_continue && !reader.ended() && buffer_.empty()) {
        const auto sent = co_await stream_->write_all("HTTP/1.1 100 Continue\r\n\r\n",
                                                      in(server_.options_.write_timeout));
        if (!sent) {
            co_return Outcome::close();
        }
    }
    while (!reader.ended()) {
        auto bytes = co_await reader.next(in(server_.options_.body_timeout));
        if (!bytes) {
            const Error& error = bytes.error();
            co_return error.code() == ErrorCode::kTimeout ? Outcome::answer(408, error.message())
            : error.code() == ErrorCode::kCorrupt         ? Outcome::answer(400, error.message())
                                                          : Outcome::close();
        }
        if (request_.body.size() + bytes->size() > limit) {
            co_return Outcome::answer(413, fmt::format("a body may have {} bytes", limit));
        }
        request_.body += *bytes;
    }
    co_return Outcome::handle();
}

Task<void> HttpServer::Connection::run() {
    while (true) {
        state_ = State::kNothingSent;
        keep_alive_ = false;
        chunked_ = false;
        request_.method = "GET";
        Outcome outcome = co_await read_head();
        if (outcome.next == Next::kHandle) {
            outcome = co_await read_body();
        }
        if (outcome.next == Next::kAnswer) {
            co_await send(HttpResponse::text(outcome.status, outcome.reason + "\n"));
            // Bytes that were sent but not read would turn the close into a reset, and the answer
            // might be lost.
            (void)stream_->shutdown_write();
            std::string rest;
            while (rest.size() < kHttpHeadBytesMax * 4) {
                const auto got =
                    co_await read_more(*stream_, rest, in(std::chrono::milliseconds(500)));
                if (!got || *got == 0) {
                    break;
                }
            }
        }
        if (outcome.next != Next::kHandle) {
            co_return;
        }
        keep_alive_ = head_.keep_alive;
        chunked_ = head_.minor_version >= 1;
        co_await answer();
        if (state_ != State::kEnded || !keep_alive_ || server_.stopping_) {
            co_return;
        }
    }
}

Task<void> HttpServer::Connection::answer() {
    done_.reset();
    begun_.reset();
    {
        // The handler runs in a scope of its own, so that it can be ended from outside when its
        // client leaves.
        async::Scope scope(server_.loop_);
        scope.spawn(run_handler());
        if (!done_.is_set()) {
            scope.spawn(watch_client());
        }
        co_await done_.wait();
    }
    if (state_ == State::kNothingSent) {
        co_await send(HttpResponse::text(500, "the request was not answered\n"));
    }
}

Task<void> HttpServer::Connection::run_handler() {
    co_await server_.handler_.handle(request_, *this);
    done_.set();
}

Task<void> HttpServer::Connection::watch_client() {
    co_await begun_.wait();
    if (co_await stream_->peer_closes()) {
        state_ = State::kBroken;
        done_.set();
    }
}

std::string HttpServer::Connection::head_text(const HttpResponse& response) const {
    std::string head =
        fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                    reason_phrase(response.status), base::to_http_date(server_.loop_.wall_now()));
    append_fields(head, response.fields);
    if (!keep_alive_ || server_.stopping_) {
        head += "Connection: close\r\n";
    }
    return head;
}

Task<Result<void>> HttpServer::Connection::put(std::string_view first, std::string_view second) {
    auto sent = co_await stream_->write_all(first, second, in(server_.options_.write_timeout));
    if (!sent) {
        state_ = State::kBroken;
    }
    co_return sent;
}

Task<Result<void>> HttpServer::Connection::send(HttpResponse response) {
    if (state_ != State::kNothingSent) {
        co_return fail(ErrorCode::kConflict, "the request has been answered already");
    }
    state_ = State::kEnded;
    std::string head = head_text(response);
    if (!has_no_body(response.status)) {
        head += fmt::format("Content-Length: {}\r\n", response.body.size());
    }
    head += "\r\n";
    const bool without_body = has_no_body(response.status) || request_.method == "HEAD";
    co_return co_await put(head, without_body ? std::string_view() : response.body);
}

Task<Result<void>> HttpServer::Connection::begin(HttpResponse head) {
    if (state_ != State::kNothingSent) {
        co_return fail(ErrorCode::kConflict, "the request has been answered already");
    }
    SHORE_ASSERT(head.body.empty() && !has_no_body(head.status));
    state_ = State::kStreaming;
    if (!chunked_) {
        keep_alive_ = false;
    }
    std::string text = head_text(head);
    if (chunked_) {
        text += "Transfer-Encoding: chunked\r\n";
    }
    text += "\r\n";
    auto sent = co_await put(text, {});
    begun_.set();
    co_return sent;
}

Task<Result<void>> HttpServer::Connection::write(std::string bytes) {
    if (state_ != State::kStreaming) {
        co_return fail(ErrorCode::kUnavailable, "the client has gone, or the answer has ended");
    }
    if (bytes.empty() || request_.method == "HEAD") {
        co_return Result<void>();
    }
    if (!chunked_) {
        co_return co_await put(bytes, {});
    }
    bytes.insert(0, fmt::format("{:x}\r\n", bytes.size()));
    co_return co_await put(bytes, wire::kChunkEnd);
}

Task<Result<void>> HttpServer::Connection::end() {
    if (state_ != State::kStreaming) {
        co_return fail(ErrorCode::kUnavailable, "the client has gone, or the answer has ended");
    }
    state_ = State::kEnded;
    if (chunked_ && request_.method != "HEAD") {
        co_return co_await put(wire::kLastChunk, {});
    }
    co_return Result<void>();
}

HttpServer::HttpServer(async::Loop& loop, HttpHandler& handler, HttpServerOptions options)
    : loop_(loop), handler_(handler), options_(options), accepting_(loop), serving_(loop) {
}

HttpServer::~HttpServer() = default;

Result<Address> HttpServer::listen(const Address& address, const ListenOptions& options) {
    SHORE_TRY(auto listener, Listener::open(loop_, address, options));
    Address bound = listener->address();
    listeners_.push_back(std::move(listener));
    accepting_.spawn(accept_loop(*listeners_.back()));
    return bound;
}

Task<void> HttpServer::accept_loop(Listener& listener) {
    while (auto accepted = co_await listener.accept()) {
        serving_.spawn(serve(std::move(accepted->socket), std::move(accepted->peer)));
        // A flood of connections must not keep the others' turn away.
        co_await async::yield(loop_);
    }
}

Task<void> HttpServer::serve(os::Fd socket, Address peer) {
    auto stream = Stream::open(loop_, std::move(socket));
    if (!stream) {
        co_return;  // The kernel is out of memory for watches; the client sees a closed connection.
    }
    if (connections_.size() >= options_.connections_max) {
        co_await (*stream)->write_all(
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
            "Content-Length: 0\r\n\r\n",
            Deadline::in(loop_, options_.write_timeout));
        co_return;
    }
    const auto connection =
        std::make_unique<Connection>(*this, std::move(*stream), std::move(peer));
    co_await connection->run();
}

Task<void> HttpServer::stop(Deadline deadline) {
    stopping_ = true;
    accepting_.stop();
    listeners_.clear();
    for (Connection* connection : connections_) {
        connection->stop();
    }
    async::Loop& loop = loop_;
    co_await async::with_deadline(loop, deadline, "answering", joined(serving_));
    serving_.stop();
}

}  // namespace shore::net

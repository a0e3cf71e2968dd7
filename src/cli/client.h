// Client: calls of the control API over the daemon's socket; problems become Errors with all that
// the daemon said.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/task.h"
#include "base/result.h"
#include "net/http_client.h"
#include "net/sse.h"
#include "wire/json.h"

namespace shore::async {
class Loop;
}

namespace shore::cli {

/// Server-sent events of an answer, as they come.
class EventStream final {
 public:
    explicit EventStream(std::unique_ptr<net::HttpExchange> exchange)
        : exchange_(std::move(exchange)) {}
    /// The next event; nothing at the end. An event `problem` is an error.
    async::Task<Result<std::optional<net::SseEvent>>> next();

 private:
    std::unique_ptr<net::HttpExchange> exchange_;
    net::SseReader reader_;
};

/// Lines of an answer, as they come; empty ones are skipped.
class LineStream final {
 public:
    explicit LineStream(std::unique_ptr<net::HttpExchange> exchange)
        : exchange_(std::move(exchange)) {}
    /// The next line without its end; nothing at the end.
    async::Task<Result<std::optional<std::string>>> next();

 private:
    std::unique_ptr<net::HttpExchange> exchange_;
    std::string buffer_;
    size_t taken_ = 0;
    bool ended_ = false;
};

/// kUnavailable or kNotFound: no daemon answers (see is_absent). Everything else is what the daemon
/// answered.
class Client final {
 public:
    Client(async::Loop& loop, std::string state_directory);

    async::Task<Result<wire::Json>> get(std::string target);
    async::Task<Result<wire::Json>> post(std::string target, wire::Json body);
    /// Waits as long as the daemon needs.
    async::Task<Result<wire::Json>> remove(std::string target);
    /// The text that /readyz answers.
    async::Task<Result<void>> ready();
    async::Task<Result<std::unique_ptr<EventStream>>> follow(std::string target);
    async::Task<Result<std::unique_ptr<LineStream>>> lines(std::string method, std::string target,
                                                           wire::Json body = {});

    /// Where the daemon listens.
    const std::string& socket_path() const { return socket_path_; }
    /// True when the last call found nobody at the socket.
    bool was_absent() const { return was_absent_; }
    /// True when it found no socket at all: the daemon ended properly, or there never was one.
    bool had_no_socket() const { return had_no_socket_; }

 private:
    async::Task<Result<std::unique_ptr<net::HttpExchange>>> start(std::string method,
                                                                  std::string target,
                                                                  wire::Json body);
    async::Task<Result<wire::Json>> call(std::string method, std::string target, wire::Json body);

    async::Loop& loop_;
    std::string socket_path_;
    bool was_absent_ = false;
    bool had_no_socket_ = false;
};

/// "/v1/stacks/shop%40testing" + `rest`.
std::string stack_target(std::string_view stack, std::string_view rest = {});

/// The Error that a problem document stands for; its text lists every finding on a line of its own.
Error to_error(const wire::Json& problem);

}  // namespace shore::cli

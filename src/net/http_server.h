// HttpServer: a small HTTP/1.1 server (RFC 9112) for the control API: a coroutine per connection,
// whole requests in, whole or streamed answers out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/deadline.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "net/http_message.h"
#include "net/limits.h"
#include "net/listener.h"
#include "net/stream.h"

namespace shore::net {

/// The answer to one request. Either send() once, or begin(), any number of write(), end().
class HttpResponder {
 public:
    virtual ~HttpResponder() = default;

    /// A whole answer. An error means that the client has gone or does not read: nothing is left to
    /// do.
    virtual async::Task<Result<void>> send(HttpResponse response) = 0;

    /// Begins a streamed answer (chunked coding; until close for HTTP/1.0). `head.body` must be
    /// empty.
    virtual async::Task<Result<void>> begin(HttpResponse head) = 0;
    /// Sends `bytes` at once; waits while the client does not read, at most the server's write
    /// timeout. Empty: nothing.
    virtual async::Task<Result<void>> write(std::string bytes) = 0;
    /// Ends the stream properly. A stream that is not ended is cut: the client sees a broken
    /// answer.
    virtual async::Task<Result<void>> end() = 0;

    /// The client has gone or the server is stopping: a stream should end. Once begin() has been
    /// called, a client that leaves also ends the handler: its task is destroyed where it waits.
    virtual bool over() const = 0;
};

/// Answers requests; on the server's loop. The handler's task may be destroyed at any await: when a
/// streaming client leaves and when the server stops. Work that must go on belongs to somebody
/// else's scope.
class HttpHandler {
 public:
    virtual ~HttpHandler() = default;
    /// Both arguments outlive the task. Without an answer the client gets 500.
    virtual async::Task<void> handle(const HttpRequest& request, HttpResponder& responder) = 0;
};

struct HttpServerOptions {
    uint64_t body_bytes_max = kHttpRequestBodyMax;  ///< More: 413.
    size_t connections_max = kHttpConnectionsMax;   ///< More: 503 at once.
    /// From the first byte of a request to the end of its head. Later: 408.
    std::chrono::milliseconds head_timeout = std::chrono::seconds(10);
    /// Without progress while the body arrives. Later: 408.
    std::chrono::milliseconds body_timeout = std::chrono::seconds(30);
    /// Between requests; also before the first.
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
    /// Without progress while the answer is sent.
    std::chrono::milliseconds write_timeout = std::chrono::seconds(30);
};

/// Lives on its loop's thread. The handler outlives it.
class HttpServer final {
 public:
    HttpServer(async::Loop& loop, HttpHandler& handler, HttpServerOptions options = {});
    /// Cuts what is left. stop() first for a graceful end.
    ~HttpServer();

    /// Begins to accept on `address`, beside what is there already. Failures as Listener::open.
    Result<Address> listen(const Address& address, const ListenOptions& options = {});

    /// Accepts no more, closes idle connections, lets answers in progress end until `deadline`,
    /// then cuts them. May be called twice; never from a handler.
    async::Task<void> stop(async::Deadline deadline);

    size_t connection_count() const { return connections_.size(); }

 private:
    class Connection;

    async::Task<void> accept_loop(Listener& listener);
    async::Task<void> serve(os::Fd socket, Address peer);

    async::Loop& loop_;
    HttpHandler& handler_;
    HttpServerOptions options_;
    bool stopping_ = false;
    std::vector<Connection*> connections_;  // Each is owned by its task in serving_.
    std::vector<std::unique_ptr<Listener>> listeners_;
    async::Scope accepting_;
    async::Scope serving_;
};

}  // namespace shore::net

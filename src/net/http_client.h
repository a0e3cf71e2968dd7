// HttpClient: a small HTTP/1.1 client (RFC 9112) for the control API, health probes and proofs. No
// TLS, no redirects.
#pragma once

#include <memory>
#include <string>

#include "async/deadline.h"
#include "async/task.h"
#include "net/http_message.h"
#include "net/limits.h"
#include "net/stream.h"

namespace shore::net {

class HttpBodyReader;

/// An answer whose body is still arriving. Owns its connection; destroying it closes that.
class HttpExchange final {
 public:
    ~HttpExchange();

    uint16_t status() const { return head_.status; }
    const HttpFields& fields() const { return head_.fields; }
    bool success() const { return head_.success(); }

    /// The next bytes of the body as they arrive; empty at the end. kCorrupt when the framing is
    /// broken or the connection ends early; kTimeout.
    async::Task<Result<std::string>> read(async::Deadline deadline);
    /// The rest of the body. kExhausted above `bytes_max`.
    async::Task<Result<std::string>> read_all(async::Deadline deadline,
                                              uint64_t bytes_max = kHttpResponseBodyMax);

 private:
    friend class HttpClient;
    HttpExchange();

    std::unique_ptr<Stream> stream_;
    std::string buffer_;
    HttpResponse head_;
    bool keep_alive_ = false;
    std::unique_ptr<HttpBodyReader> body_;
};

/// Requests to one address, one after another, over a connection that is kept. Lives on its loop's
/// thread.
class HttpClient final {
 public:
    /// `host` is sent as Host; by default the address ("localhost" for Unix).
    HttpClient(async::Loop& loop, Address address, std::string host = {});
    ~HttpClient();

    /// A request that fails on a kept connection is not repeated: for who counts failures.
    void never_repeat() { may_repeat_ = false; }
    /// A connection is kept and, as far as is known, still open.
    bool is_connected() const { return kept_ && !kept_->peer_closed(); }

    /// Sends the request and returns once the answer's head is there. `deadline` holds until then;
    /// Content-Length, Host and (for a body without one) Content-Type are added. A kept connection
    /// that turns out closed is replaced, once, when the request is idempotent (RFC 9110
    /// section 9.2.2). Failures: as dial(), kTimeout, kCorrupt for an answer that is not HTTP,
    /// kUnavailable when the connection ends before the answer.
    async::Task<Result<std::unique_ptr<HttpExchange>>> start(HttpRequest request,
                                                             async::Deadline deadline);

    /// The same with the whole body; the connection is then kept for the next request. kExhausted
    /// above `bytes_max`.
    async::Task<Result<HttpResponse>> fetch(HttpRequest request, async::Deadline deadline,
                                            uint64_t bytes_max = kHttpResponseBodyMax);

 private:
    async::Task<Result<std::unique_ptr<HttpExchange>>> try_once(const HttpRequest& request,
                                                                std::unique_ptr<Stream> stream,
                                                                async::Deadline deadline);

    async::Loop& loop_;
    Address address_;
    std::string host_;
    std::unique_ptr<Stream> kept_;
    bool may_repeat_ = true;
};

/// One request on a connection of its own.
async::Task<Result<HttpResponse>> http_fetch(async::Loop& loop, Address address,
                                             HttpRequest request, async::Deadline deadline,
                                             uint64_t bytes_max = kHttpResponseBodyMax);

}  // namespace shore::net

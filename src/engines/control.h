// Control: the agent's HTTP interface on its Unix socket, for the daemon (README.md lists it).
#pragma once

#include "engines/server.h"
#include "net/http_server.h"

namespace shore::engines {

/// Translates requests to calls of a server. `/health` is 200 when it is ready, else 503 with the
/// same JSON: {"ready": false, "detail": "recovering"}. Problems are {"error": "…", "code": "…"}.
class Control final : public net::HttpHandler {
 public:
    /// The server outlives it.
    explicit Control(Server& server) : server_(server) {}
    async::Task<void> handle(const net::HttpRequest& request,
                             net::HttpResponder& responder) override;

 private:
    async::Task<Result<wire::Json>> answer(const net::HttpRequest& request);

    Server& server_;
};

}  // namespace shore::engines

// ApiServer: the control API on its Unix socket: requests to calls, replies and feeds to answers.
#pragma once

#include <functional>
#include <string>

#include "api/call.h"
#include "api/service.h"
#include "async/deadline.h"
#include "net/http_server.h"

namespace shore::api {

/// Lives on the control plane's loop; loop and ports outlive it.
class ApiServer final : public net::HttpHandler {
 public:
    ApiServer(async::Loop& loop, Ports ports);
    ~ApiServer() override;

    /// Begins to serve on a Unix socket of mode 0600. kConflict when another daemon answers there.
    Result<void> listen(const std::string& socket_path);

    /// Refuses new requests, lets answers end until `deadline`, then cuts them. May be called
    /// twice.
    async::Task<void> stop(async::Deadline deadline);

    async::Task<void> handle(const net::HttpRequest& request,
                             net::HttpResponder& responder) override;

 private:
    async::Task<Answered> answer(const net::HttpRequest& request);
    async::Task<void> stream(Reply reply, net::HttpResponder& responder);

    async::Loop& loop_;
    Service service_;
    net::HttpServer server_;
};

}  // namespace shore::api

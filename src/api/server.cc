#include "api/server.h"

#include "api/limits.h"
#include "api/router.h"
#include "async/loop.h"
#include "os/user.h"

namespace shore::api {
namespace {

net::HttpServerOptions server_options() {
    net::HttpServerOptions options;
    options.body_bytes_max = kBodyBytesMax;
    options.connections_max = kConnectionsMax;
    return options;
}

std::string_view field(const net::HttpRequest& request, std::string_view name) {
    return request.fields.find(name).value_or("");
}

net::HttpResponse response_of(const Reply& reply) {
    net::HttpResponse response;
    response.status = reply.status;
    response.fields.set("Content-Type", reply.content_type);
    response.fields.set("Cache-Control", "no-store");
    if (!reply.location.empty()) {
        response.fields.set("Location", reply.location);
    }
    response.body = reply.body;
    return response;
}

net::HttpResponse response_of(const Problem& problem) {
    net::HttpResponse response;
    response.status = problem.status();
    response.fields.set("Content-Type", "application/problem+json");
    response.fields.set("Cache-Control", "no-store");
    response.body = problem.to_json().dump() + "\n";
    return response;
}

/// Over the Unix socket the kernel says who asks: the daemon's own user and root are the owner.
Caller caller_of(const net::HttpRequest& request) {
    if (!request.peer_user) {
        return {.name = "somebody over " + request.peer.to_text(), .role = Role::kAnyone};
    }
    const bool is_owner = *request.peer_user == 0 || *request.peer_user == os::effective_user();
    return {.name = fmt::format("uid {}", *request.peer_user),
            .role = is_owner ? Role::kOwner : Role::kAnyone};
}

}  // namespace

ApiServer::ApiServer(async::Loop& loop, Ports ports)
    : loop_(loop), service_(loop, ports), server_(loop, *this, server_options()) {
}

ApiServer::~ApiServer() = default;

Result<void> ApiServer::listen(const std::string& socket_path) {
    SHORE_TRY(const net::Address address, net::Address::unix_path(socket_path));
    SHORE_CHECK(server_.listen(address, {.unix_mode = 0600}));
    return {};
}

async::Task<void> ApiServer::stop(async::Deadline deadline) {
    co_await server_.stop(deadline);
    service_.stop();
}

async::Task<void> ApiServer::handle(const net::HttpRequest& request,
                                    net::HttpResponder& responder) {
    auto answered = co_await answer(request);
    if (!answered) {
        (void)co_await responder.send(response_of(answered.error()));
    } else if (answered->feed) {
        co_await stream(std::move(*answered), responder);
    } else {
        (void)co_await responder.send(response_of(*answered));
    }
}

async::Task<Answered> ApiServer::answer(const net::HttpRequest& request) {
    SHORE_CO_TRY(Call call, route({.method = request.method,
                                   .target = request.target,
                                   .body = request.body,
                                   .content_type = field(request, "Content-Type"),
                                   .idempotency_key = field(request, "Idempotency-Key"),
                                   .last_event_id = field(request, "Last-Event-ID")}));
    call.caller = caller_of(request);
    SHORE_CO_CHECK(authorise(call.caller, *call.endpoint));
    co_return co_await service_.answer(std::move(call));
}

async::Task<void> ApiServer::stream(Reply reply, net::HttpResponder& responder) {
    if (auto begun = co_await responder.begin(response_of(reply)); !begun) {
        co_return;
    }
    while (!responder.over()) {
        auto piece = co_await async::with_deadline(
            loop_, async::Deadline::in(loop_, kKeepAliveInterval), "the feed", reply.feed->next());
        std::string bytes;
        if (piece && !*piece) {
            (void)co_await responder.end();
            co_return;
        }
        if (piece) {
            bytes = std::move(**piece);
        } else if (piece.error().code() == ErrorCode::kTimeout) {
            bytes = reply.feed->keep_alive();
        } else {
            bytes = reply.feed->failure(piece.error());
        }
        if (auto sent = co_await responder.write(std::move(bytes)); !sent) {
            co_return;
        }
        if (!piece && piece.error().code() != ErrorCode::kTimeout) {
            (void)co_await responder.end();
            co_return;
        }
    }
}

}  // namespace shore::api

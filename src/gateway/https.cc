// What an exchange does about https: plain requests of a route that wants it are sent there.
#include "gateway/caching.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/rewrite.h"
#include "wire/uri.h"

namespace shore::gateway {

using async::Task;

/// 308 to the same address over TLS (RFC 9110 section 15.4.9): the method and the body stay.
Task<Exchange::After> Exchange::redirect_to_https() {
    const char* const data = (*request_)->filled();
    const std::string_view host = wire::host_without_port(head_.authority.in(data));
    if (host.empty()) {
        co_return co_await answer_page(400, {});
    }
    status_ = 308;
    keep_client_ = head_.keep_alive && body_done_ && !shard_.stopping();
    const uint16_t port = route_->spec->https_port;
    const std::string_view path = head_.path.empty() ? std::string_view("/") : head_.path.in(data);
    const std::string answer = fmt::format(
        "HTTP/1.1 308 Permanent Redirect\r\nDate: {}\r\nServer: shore\r\nX-Request-Id: {}\r\n"
        "Location: https://{}{}{}{}\r\nContent-Length: 0\r\n{}\r\n",
        shard_.date(), request_id(), host, port == 443 ? "" : fmt::format(":{}", port), path,
        head_.query.in(data),
        !keep_client_              ? "Connection: close\r\n"
        : head_.minor_version == 0 ? "Connection: keep-alive\r\n"
                                   : "");
    answer_started_ = true;
    const bool sent = co_await send_client(answer);
    connection_->linger = stream_ == nullptr && sent && !keep_client_;
    finish();
    co_return sent&& keep_client_ ? After::kKeep : After::kClose;
}

/// Strict-Transport-Security (RFC 6797) belongs into answers over TLS alone.
std::string_view Exchange::added_lines() const {
    const bool secure = refreshing() ? caching_->secure : connection_->transport().is_secure();
    return secure && route_ != nullptr ? std::string_view(route_->hsts) : std::string_view();
}

}  // namespace shore::gateway

#include "gateway/route_view.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "base/strings.h"
#include "gateway/balancer.h"
#include "gateway/limits.h"
#include "gateway/request_path.h"
#include "gateway/service.h"
#include "wire/uri.h"

namespace shore::gateway {

using wire::Json;

namespace {

Json endpoint_json(const CompiledUpstream& upstream, const CompiledUpstream::Member& member,
                   SteadyTime now) {
    const Endpoint& endpoint = *member.endpoint;
    const double share = share_of(member, upstream.policy().slow_start, now);
    return Json::object()
        .set("instance", endpoint.instance())
        .set("address", endpoint.address().to_text())
        .set("state", endpoint.ejected() ? "ejected"
                      : member.draining  ? "draining"
                                         : "ready")
        .set("weight", int64_t{std::lround(share * 100)})
        .set("outstanding", uint64_t{endpoint.outstanding()});
}

Json target_json(const CompiledUpstream& upstream, uint32_t weight, SteadyTime now) {
    Json endpoints = Json::array();
    for (const CompiledUpstream::Member& member : upstream.members) {
        endpoints.push(endpoint_json(upstream, member, now));
    }
    return Json::object()
        .set("service", upstream.name)
        .set("weight", uint64_t{weight})
        .set("endpoints", std::move(endpoints));
}

Json targets_json(const CompiledRoute& route, SteadyTime now) {
    Json targets = Json::array();
    if (route.program && !route.program->targets.empty()) {
        for (size_t i = 0; i < route.program->targets.size(); ++i) {
            targets.push(target_json(*route.program->targets[i], route.program->weights[i], now));
        }
    } else if (route.upstream != nullptr) {
        targets.push(target_json(*route.upstream, 1, now));
    }
    return targets;
}

/// What becomes of the route's requests, in words.
std::string destination(const CompiledRoute& route) {
    const model::RouteActions& actions = route.spec->match.actions;
    if (!actions.redirect.to.empty()) {
        return fmt::format("redirect {} to {}", actions.redirect.status, actions.redirect.to);
    }
    if (actions.refusal.status != 0) {
        return fmt::format("refused: {}", actions.refusal.detail);
    }
    if (route.upstream == nullptr) {
        return fmt::format("files in {}", route.spec->files.root);
    }
    if (!route.program || route.program->targets.empty()) {
        return route.upstream->name;
    }
    std::string text;
    for (size_t i = 0; i < route.program->targets.size(); ++i) {
        text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", route.program->targets[i]->name,
                            route.program->weights[i]);
    }
    return text;
}

Json route_json(const Compiled& compiled, const CompiledRoute& route, std::string_view host,
                SteadyTime now) {
    Json listeners = Json::array();
    for (const uint32_t listener : route.spec->listeners) {
        listeners.push(to_text(compiled.snapshot().listeners[listener]));
    }
    return Json::object()
        .set("name", route.spec->name)
        .set("stack", route.spec->stack)
        .set("service", route.spec->service)
        .set("listeners", std::move(listeners))
        .set("host", host)
        .set("match", model::describe_match(route.spec->match, host))
        .set("to", destination(route))
        .set("targets", targets_json(route, now));
}

/// A question's URL in its parts.
struct Target {
    bool tls = false;
    std::string authority;
    uint16_t port = 0;  // 0: not given.
    std::string path_and_query;
};

Result<Target> parse_url(std::string_view url) {
    Target target;
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::kInvalid, "\"{}\" {}; write http://HOST/PATH or https://HOST/PATH",
                    base::printable(url), why);
    };
    const size_t colon = url.find("://");
    const std::string scheme = base::to_lower(url.substr(0, std::min(colon, url.size())));
    if (colon == std::string_view::npos || (scheme != "http" && scheme != "https")) {
        return refuse("does not begin with http:// or https://");
    }
    target.tls = scheme == "https";
    std::string_view rest = url.substr(colon + 3);
    rest = rest.substr(0, rest.find('#'));
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    target.authority = rest.substr(0, end);
    target.path_and_query = rest.substr(end);
    if (!target.path_and_query.starts_with('/')) {
        target.path_and_query.insert(0, 1, '/');
    }
    if (!wire::is_host(target.authority)) {
        return refuse("has no valid host");
    }
    const std::string_view authority = target.authority;
    const size_t bracket = authority.rfind(']');
    const size_t port = authority.rfind(':');
    if (port != std::string_view::npos && (bracket == std::string_view::npos || port > bracket)) {
        std::from_chars(authority.data() + port + 1, authority.data() + authority.size(),
                        target.port);
    }
    return target;
}

/// The listeners that a client of that URL may mean: those with its port; without one in the URL
/// those with the scheme's own port, or else all of the scheme (a port may be mapped outside).
Result<std::vector<uint32_t>> listeners_of(const model::Snapshot& snapshot, const Target& target) {
    std::vector<uint32_t> same_scheme;
    std::vector<uint32_t> exact;
    std::string all;
    const uint16_t usual = target.tls ? 443 : 80;
    for (uint32_t i = 0; i < snapshot.listeners.size(); ++i) {
        const model::ListenAddress& each = snapshot.listeners[i];
        all += fmt::format("{}{}", all.empty() ? "" : ", ", to_text(each));
        if (each.tls == target.tls) {
            same_scheme.push_back(i);
            if (each.port == (target.port == 0 ? usual : target.port)) {
                exact.push_back(i);
            }
        }
    }
    if (!exact.empty() || (target.port == 0 && !same_scheme.empty())) {
        return exact.empty() ? same_scheme : exact;
    }
    return fail(ErrorCode::kNotFound, "nothing listens for {}://{}; the gateway listens on {}",
                target.tls ? "https" : "http", target.authority, all.empty() ? "nothing" : all);
}

/// The question as the gateway would receive it. Views point into it: it stays where it is.
class Asked final {
 public:
    static Result<std::unique_ptr<Asked>> parse(const Compiled& compiled,
                                                const RouteQuestion& question,
                                                const Target& target) {
        auto asked = std::make_unique<Asked>();
        const auto peer =
            question.from.contains('/') ? std::nullopt : Network::parse(question.from);
        if (!peer) {
            return fail(ErrorCode::kInvalid,
                        "the client's address must be an IP address, got "
                        "\"{}\"",
                        base::printable(question.from));
        }
        asked->text_ = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", question.method,
                                   target.path_and_query, target.authority);
        for (const std::string& field : question.fields) {
            if (field.find_first_of("\r\n") != std::string::npos || !field.contains(':')) {
                return fail(ErrorCode::kInvalid, "a header must be \"Name: value\", got \"{}\"",
                            base::printable(field));
            }
            asked->text_ += field + "\r\n";
        }
        asked->text_ += "\r\n";
        const auto status = wire::parse_request(asked->text_.data(), asked->text_.size(),
                                                wire::HeadLimits{}, asked->head_);
        if (status != wire::ParseStatus::kDone || asked->head_.size != asked->text_.size()) {
            return fail(ErrorCode::kInvalid, "the gateway would refuse this request: {}",
                        wire::to_string(asked->head_.fault));
        }
        asked->peer_ = peer->prefix;
        asked->trusted_ = compiled.trusted();
        return asked;
    }

    /// Nothing when the path is unsafe.
    std::optional<RequestView> view() {
        const std::string_view path = head_.path.in(text_.data());
        if (!is_routed_as_sent(path)) {
            auto routed = routed_path(path);
            if (!routed) {
                return std::nullopt;
            }
            path_ = std::move(*routed);
        } else {
            path_ = path;
        }
        return RequestView{.host = wire::host_without_port(head_.authority.in(text_.data())),
                           .path = path_,
                           .data = text_.data(),
                           .head = &head_,
                           .peer = peer_,
                           .trusted = trusted_};
    }
    const wire::RequestHead& head() const { return head_; }

 private:
    std::string text_;
    std::string path_;
    wire::RequestHead head_;
    AddressBytes peer_{};
    std::span<const Network> trusted_;
};

/// Of several listeners the first one that has a route for the request.
uint32_t best_listener(const Compiled& compiled, const std::vector<uint32_t>& listeners,
                       const RequestView& view) {
    const auto found = std::ranges::find_if(listeners, [&](uint32_t listener) {
        return compiled.router().find(listener, view) != nullptr;
    });
    return found == listeners.end() ? listeners.front() : *found;
}

Json candidates_json(const std::vector<Router::Candidate>& candidates,
                     const CompiledRoute* chosen) {
    Json list = Json::array();
    for (const Router::Candidate& candidate : candidates) {
        const bool takes = candidate.route == chosen && candidate.reason.empty();
        std::string_view reason = candidate.reason;
        if (reason.empty()) {
            reason = takes ? "takes the request" : "fits, but comes later";
        }
        list.push(
            Json::object()
                .set("name", candidate.route->spec->name)
                .set("host", candidate.host)
                .set("match", model::describe_match(candidate.route->spec->match, candidate.host))
                .set("takes", takes)
                .set("reason", reason));
    }
    return list;
}

struct Outcome {
    uint16_t status = 0;  // 0: up to the app or the file.
    std::string text;
};

Outcome outcome_of(const CompiledRoute& route, bool tls) {
    const model::RouteActions& actions = route.spec->match.actions;
    if (route.spec->https_port != 0 && !tls) {
        return {308, fmt::format("sent to https, port {}", route.spec->https_port)};
    }
    if (!actions.redirect.to.empty()) {
        return {actions.redirect.status, destination(route)};
    }
    if (actions.refusal.status != 0) {
        return {actions.refusal.status, destination(route)};
    }
    const auto is_ready = [](const CompiledUpstream::Member& member) {
        return !member.draining && !member.endpoint->ejected();
    };
    if (route.upstream != nullptr && (!route.program || route.program->targets.empty()) &&
        std::ranges::none_of(route.upstream->members, is_ready)) {
        return {503, fmt::format("{} has no instance that is ready", route.upstream->name)};
    }
    return {0, destination(route)};
}

}  // namespace

Json list_routes(const Compiled& compiled, SteadyTime now) {
    struct Row {
        const CompiledRoute* route;
        std::string host;
    };
    std::vector<Row> rows;
    for (const CompiledRoute& route : compiled.routes()) {
        for (const std::string& host : route.spec->match.hosts) {
            rows.push_back({&route, host});
        }
        if (route.spec->match.hosts.empty()) {
            rows.push_back({&route, {}});
        }
    }
    const auto host_order = [](const Row& row) {
        const int rank = row.host.empty() ? 2 : row.host.starts_with('*') ? 1 : 0;
        return std::tuple(rank, rank == 1 ? SIZE_MAX - row.host.size() : 0,
                          std::string_view(row.host));
    };
    std::ranges::sort(rows, [&](const Row& a, const Row& b) {
        return host_order(a) != host_order(b) ? host_order(a) < host_order(b)
                                              : comes_before(*a.route, *b.route);
    });
    Json list = Json::array();
    for (const Row& row : rows) {
        list.push(route_json(compiled, *row.route, row.host, now));
    }
    return Json::object().set("routes", std::move(list));
}

Result<Json> explain_route(const Compiled& compiled, const RouteQuestion& question,
                           SteadyTime now) {
    SHORE_TRY(const Target target, parse_url(question.url));
    SHORE_TRY(const std::vector<uint32_t> listeners, listeners_of(compiled.snapshot(), target));
    SHORE_TRY(const std::unique_ptr<Asked> asked, Asked::parse(compiled, question, target));
    Json answer = Json::object()
                      .set("method", question.method)
                      .set("url", question.url)
                      .set("client", question.from);
    const auto view = asked->view();
    const uint32_t listener = view ? best_listener(compiled, listeners, *view) : listeners.front();
    answer.set("listener", to_text(compiled.snapshot().listeners[listener]));
    const auto end = [&](uint16_t status, std::string_view text) {
        answer.set("status", uint64_t{status}).set("outcome", text);
        return std::move(answer);
    };
    if (asked->head().method == wire::Method::kConnect ||
        asked->head().method == wire::Method::kTrace) {
        answer.set("candidates", Json::array());
        return end(405, "CONNECT and TRACE are never passed on");
    }
    if (!view) {
        answer.set("candidates", Json::array());
        return end(400, "the path is unsafe: badly encoded, or it leads above the root");
    }
    const CompiledRoute* const route = compiled.router().find(listener, *view);
    const auto candidates = compiled.router().candidates(listener, *view);
    answer.set("candidates", candidates_json(candidates, route));
    if (route == nullptr) {
        return end(404, candidates.empty() ? "no route is for this host here"
                                           : "no route takes the request");
    }
    const auto taken = std::ranges::find(candidates, route, &Router::Candidate::route);
    answer.set("route", route_json(compiled, *route,
                                   taken == candidates.end() ? std::string() : taken->host, now));
    const Outcome outcome = outcome_of(*route, target.tls);
    return end(outcome.status, outcome.text);
}

}  // namespace shore::gateway

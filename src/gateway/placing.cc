// Where a request goes: the service of a split, the instance, the session that ties a client to it;
// and whether it may go now: limits, budgets, deadlines. And answers that need no app: redirects.
#include <algorithm>
#include <charconv>

#include "gateway/balancer.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "wire/uri.h"

namespace shore::gateway {

using async::Task;

namespace {

/// Counts a request as waiting for as long as it lives, cancelled or not.
class Waiting final {
 public:
    Waiting(UpstreamState& state, uint32_t limit) : state_(state), entered_(state.enter(limit)) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
        if (entered_) {
            state_.leave();
        }
    }
    bool entered() const { return entered_; }

 private:
    UpstreamState& state_;
    bool entered_;
};

/// The member that a session cookie names, if it can take a request.
size_t member_of(const CompiledUpstream& upstream, uint64_t identity) {
    for (size_t i = 0; i < upstream.members.size(); ++i) {
        const CompiledUpstream::Member& member = upstream.members[i];
        if (member.identity == identity && !member.draining && !member.endpoint->ejected()) {
            return i;
        }
    }
    return kNobody;
}

}  // namespace

RequestView Exchange::view() const {
    const char* const data = (*request_)->filled();
    return {.host = wire::host_without_port(head_.authority.in(data)),
            .path = !normal_path_.empty() ? std::string_view(normal_path_)
                    : head_.path.empty()  ? std::string_view("/")
                                          : head_.path.in(data),
            .data = data,
            .head = &head_,
            .peer = connection_->peer_bytes(),
            .trusted = generation_->compiled->trusted()};
}

/// The values of a template for this request.
TextTemplate::Values Exchange::template_values(std::string& encoded, bool groups) const {
    const RequestView request = view();
    TextTemplate::Values values;
    values.host = head_.authority.in(request.data);
    values.query = head_.query.in(request.data);
    const bool plain = normal_path_.empty();
    std::string_view rest = request.path;
    rest.remove_prefix(std::min(rest.size(), route_->prefix.size()));
    if (plain) {
        values.path = request.path;
        values.rest = rest;
    } else {
        encoded = wire::percent_encode(request.path, wire::Slash::kKeep);
        const size_t size = wire::percent_encode(rest, wire::Slash::kKeep).size();
        values.path = encoded;
        values.rest = values.path.substr(values.path.size() - size);
    }
    Groups found;
    if (groups && route_->conditions && route_->conditions->path_groups(request.path, found)) {
        for (size_t i = 0; i < found.size(); ++i) {
            values.groups[i] =
                plain ? std::string(found[i]) : wire::percent_encode(found[i], wire::Slash::kKeep);
        }
    }
    return values;
}

Task<Exchange::After> Exchange::answer_redirect() {
    const TextTemplate& to = *route_->program->redirect;
    std::string encoded;
    extra_fields_ = "Location: ";
    extra_fields_ += to.fill(template_values(encoded, to.has_groups()));
    extra_fields_ += "\r\n";
    return answer_page(route_->spec->match.actions.redirect.status, {});
}

/// The path as the app sees it by the route's rewrite.
std::string Exchange::rewritten_path() const {
    const TextTemplate& to = *route_->program->rewrite;
    std::string encoded;
    std::string path = to.fill(template_values(encoded, to.has_groups()));
    if (!path.starts_with('/')) {
        path.insert(0, 1, '/');
    }
    return path;
}

/// What identifies the client for this route; nothing when the request does not say.
std::optional<uint64_t> Exchange::client_hash() const {
    const model::RouteActions& actions = route_->spec->match.actions;
    std::string_view text;
    switch (actions.key) {
        case model::ClientKey::kNone:
            return std::nullopt;
        case model::ClientKey::kAddress:
            return stable_hash(client_address(view()));
        case model::ClientKey::kHeader:
            text = header_value(view(), actions.key_name).value_or(std::string_view());
            break;
        case model::ClientKey::kCookie:
            text = cookie_value(view(), actions.key_name);
            break;
    }
    return text.empty() ? std::nullopt : std::optional(stable_hash(text));
}

/// Chooses among the services of a split once per request, and finds the session's instance.
void Exchange::choose_target() {
    target_ = route_->upstream;
    session_member_ = kNobody;
    const RouteProgram* const program = route_->program.get();
    if (program == nullptr) {
        return;
    }
    const model::RouteActions& actions = route_->spec->match.actions;
    std::optional<uint64_t> client;
    if (actions.session) {
        uint64_t identity = 0;
        const std::string_view cookie = cookie_value(view(), actions.key_name);
        const auto parsed =
            std::from_chars(cookie.data(), cookie.data() + cookie.size(), identity, 16);
        const bool is_whole = parsed.ptr == cookie.data() + cookie.size();
        if (!cookie.empty() && parsed.ec == std::errc() && is_whole) {
            session_member_ = member_of(*target_, identity);
            for (size_t i = 0; session_member_ == kNobody && i < program->targets.size(); ++i) {
                target_ = program->targets[i];
                session_member_ = member_of(*target_, identity);
            }
            if (session_member_ != kNobody) {
                return;
            }
        }
    } else {
        client = client_hash();
    }
    client_ = client;
    if (!program->targets.empty()) {
        const uint64_t chance = client.value_or(shard_.random().next());
        target_ = program->targets[choose_share(program->weights, chance)];
    }
}

/// The instance for the next try; null when none can take it now.
Endpoint* Exchange::choose() {
    if (target_ == nullptr) {
        choose_target();
    }
    LocalUpstream& local = shard_.local(target_->slot);
    const auto& members = target_->members;
    size_t at = session_member_;
    if (at != kNobody && (tried_ != 0 || at >= members.size() || members[at].draining ||
                          members[at].endpoint->ejected())) {
        at = kNobody;
    }
    if (at == kNobody) {
        model::Balance balance = route_->spec->match.actions.balance;
        if (balance == model::Balance::kHash && !client_) {
            balance = model::Balance::kLeastRequests;
        }
        at = choose_member(members,
                           {.balance = balance,
                            .client = client_.value_or(0),
                            .tried = tried_,
                            .turn = balance == model::Balance::kRoundRobin ? local.next_turn() : 0,
                            .now = shard_.loop().now(),
                            .slow_start = target_->policy().slow_start},
                           shard_.random());
    }
    if (at == kNobody) {
        return nullptr;
    }
    if (tries_ == 0) {
        local.count_request(shard_.loop().now());
    }
    if (route_->spec->match.actions.session && at != session_member_) {
        issue_session(members[at].identity);
    }
    tried_ |= at < 64 ? 1ULL << at : 0;
    endpoint_ = members[at].endpoint;
    return endpoint_.get();
}

/// The answer will tell the client to come back to this instance.
void Exchange::issue_session(uint64_t identity) {
    extra_fields_ =
        fmt::format("Set-Cookie: {}={:016x}{}\r\n", route_->spec->match.actions.key_name, identity,
                    route_->program->session_attributes);
}

/// Waits until the service may get one more request. A status when it may not.
Task<uint16_t> Exchange::admit() {
    if (target_ == nullptr) {
        choose_target();
    }
    const model::UpstreamPolicy& policy = target_->policy();
    if (policy.requests_max == 0 || admitted_) {
        co_return 0;
    }
    const std::shared_ptr<UpstreamState> state = target_->state;
    if (state->begin(policy.requests_max)) {
        admitted_ = state;
        co_return 0;
    }
    const Waiting waiting(*state, policy.waiting_max);
    const SteadyTime last = std::min(shard_.loop().now() + policy.wait, end_at_);
    const uint32_t limit = policy.requests_max;
    while (waiting.entered() && shard_.loop().now() < last && !client_hung_up()) {
        co_await shard_.tick().wait();
        if (state->begin(limit)) {
            admitted_ = state;
            co_return 0;
        }
    }
    co_return 503;
}

/// Gives the place in front of the service free.
void Exchange::leave_upstream() {
    if (admitted_) {
        admitted_->end();
        if (admitted_->waiting() > 0) {
            shard_.tick().pulse();
        }
        admitted_.reset();
    }
}

/// Begins the clock of the whole exchange.
void Exchange::set_deadline() {
    const Duration deadline = route_->spec->match.actions.deadline;
    end_at_ = deadline > Duration::zero() ? started_ + deadline : SteadyTime::max();
}

/// How long this try may take until the head of its answer.
Duration Exchange::try_patience() const {
    const model::HttpRoute& match = route_->spec->match;
    return match.actions.try_timeout > Duration::zero()
               ? std::min(match.actions.try_timeout, match.timeout)
               : match.timeout;
}

/// Whether the retry of a request that may have reached an app fits the budget.
bool Exchange::take_retry() {
    return target_ != nullptr &&
           shard_.local(target_->slot)
               .take_retry(shard_.loop().now(), target_->policy().retry_share);
}

/// Takes an instance out after failures. `certain`: it refuses connections.
void Exchange::judge_endpoint(bool certain, bool counts) {
    const model::UpstreamPolicy& policy = target_->policy();
    const bool out = certain || (counts && endpoint_->failed() >= policy.failures_max &&
                                 may_eject(target_->members, policy.ejected_share));
    if (out && endpoint_->eject()) {
        shard_.shared().on_ejected(endpoint_);
    }
}

}  // namespace shore::gateway

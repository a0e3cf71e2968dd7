// An exchange's part in mirroring: gathers a copy of the request as it is sent, and hands it over
// once the original has been answered.
#include "gateway/balancer.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"

namespace shore::gateway {

using async::Task;

/// By chance begins a copy of the request that is composed.
void Exchange::begin_mirror() {
    const CompiledUpstream* const target = route_->mirror;
    if (target == nullptr || shard_.random().unit() >= route_->spec->match.actions.mirror.share) {
        return;
    }
    const size_t at = choose_member(
        target->members, {.now = shard_.loop().now(), .slow_start = target->policy().slow_start},
        shard_.random());
    const bool speaks = target->policy().protocol != model::UpstreamProtocol::kHttp2;
    if (at == kNobody || !speaks || tunnel_wanted_ || continue_awaited_) {
        ++shard_.mutable_counters().route(route_->slot).mirrors_skipped;
        return;
    }
    mirror_ = std::make_unique<MirrorCopy>(target->members[at].endpoint, composed_);
    mirror_->add(first_body_);
}

/// A part of the body on its way to the upstream.
Task<bool> Exchange::send_body(std::string_view first, std::string_view second) {
    if (mirror_) {
        mirror_->add(first);
        mirror_->add(second);
    }
    return send_upstream(first, second);
}

/// The exchange is over: the copy may leave.
void Exchange::end_mirror() {
    if (!mirror_ || route_ == nullptr) {
        return;
    }
    const bool whole = body_done_ && !mirror_->too_large();
    RouteCounters& counters = shard_.mutable_counters().route(route_->slot);
    if (whole && shard_.mirrors().send(std::move(mirror_))) {
        ++counters.mirrored;
    } else {
        ++counters.mirrors_skipped;
    }
    mirror_.reset();
}

}  // namespace shore::gateway

// What the gateway answers itself, and the end of every exchange: counters, access log, what of the
// connection's bytes is left for the next request.
#include "gateway/caching.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/page.h"
#include "gateway/rewrite.h"

namespace shore::gateway {

using async::Task;

/// The route's changes of answers' heads; null: none.
const CompiledEdits* Exchange::response_edits() const {
    return route_ != nullptr && route_->program ? &route_->program->response : nullptr;
}

std::string_view Exchange::sent_field(wire::FieldId id) const {
    const wire::Field* const found = has_request_head() ? head_.find(id) : nullptr;
    return found != nullptr ? found->value.in((*request_)->filled()) : std::string_view();
}

Task<Exchange::After> Exchange::answer_page(uint16_t status, std::string_view detail) {
    status_ = status;
    if (answer_started_ || refreshing()) {
        finish();  // An interim answer or a part of one has gone out: nothing valid can follow.
        co_return After::kClose;
    }
    // A head that was not understood or a body that is not there yet: the next request's begin is
    // unknown.
    keep_client_ = head_.size > 0 && head_.keep_alive && body_done_ && !shard_.stopping();
    std::string page = render_page(
        {.status = status,
         .detail = detail,
         .accept = sent_field(wire::FieldId::kAccept),
         .request_id = request_id(),
         .date = shard_.date(),
         .extra_fields = extra_fields_,
         .allow = route_ != nullptr ? "GET, HEAD" : "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
         .head_only = head_.method == wire::Method::kHead,
         .grpc = stream_ != nullptr && is_grpc_type(sent_field(wire::FieldId::kContentType)),
         .close = !keep_client_,
         .keep_alive_told = keep_client_ && head_.minor_version == 0});
    if (const CompiledEdits* const edits = response_edits()) {
        const size_t begin = page.find('\n') + 1;
        const size_t end = page.find("\r\n\r\n") + 2;
        page.replace(begin, end - begin,
                     edits->edited(std::string_view(page).substr(begin, end - begin),
                                   status < 400 ? CompiledEdits::Answer::kGood
                                                : CompiledEdits::Answer::kError));
    }
    const bool sent = co_await send_client(page);
    connection_->linger = stream_ == nullptr && sent && !keep_client_;
    finish();
    co_return keep_client_&& sent ? After::kKeep : After::kClose;
}

Task<Exchange::After> Exchange::refuse_head() {
    head_.size = 0;
    choose_request_id();
    return answer_page(wire::status_for(head_.fault), wire::to_string(head_.fault));
}

Task<Exchange::After> Exchange::refuse_late() {
    head_.size = 0;
    choose_request_id();
    return answer_page(408, {});
}

void Exchange::finish() {
    if (caching_) {
        end_caching();
    }
    if (refreshing()) {
        pump_.reset();
        return;  // Nobody was answered.
    }
    const Duration took = shard_.loop().now() - started_;
    RouteCounters& counters = route_ != nullptr ? shard_.mutable_counters().route(route_->slot)
                                                : shard_.mutable_counters().unrouted;
    counters.count_response(status_, took);
    counters.bytes_in += body_bytes_;
    counters.bytes_out += sent_;
    if (shard_.current().snapshot().access_log &&
        (route_ == nullptr || route_->spec->log.enabled)) {
        log_line();
    }
    end_mirror();
    pump_.reset();
    if (!*request_ || stream_ != nullptr) {
        return;
    }
    if (pump_buffer_ && !pump_buffer_->empty()) {
        *request_ = std::move(pump_buffer_);
    } else {
        (*request_)->begin = std::max((*request_)->begin, next_request_);
    }
    if (!body_done_) {
        connection_->linger = true;
    }
}

}  // namespace shore::gateway

// A stored answer is renewed after its client has got the old one (RFC 5861 section 3): by an
// exchange of the loop's own, without a client. The client's connection goes on to its next
// request.
#include <algorithm>

#include "gateway/caching.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"

namespace shore::gateway {

using async::Task;

namespace {

/// Counts a refresh for as long as it lives, cancelled or not.
class Counted final {
 public:
    explicit Counted(size_t& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

 private:
    size_t& count_;
};

}  // namespace

/// Starts it when this request leads; takes over the request's caching either way.
void Exchange::refresh_aside(std::shared_ptr<const cache::Entry> entry) {
    if (!caching_->leads || shard_.refreshes >= kRefreshesMax) {
        clear_caching();
        return;
    }
    if (target_ == nullptr) {
        choose_target();
    }
    ask_about(std::move(entry));
    compose_request();
    Pool<Exchange>::Pointer other = shard_.exchanges().take(shard_);
    if (other->take_over(*this)) {
        shard_.spawn(refresh(std::move(other)));
    } else {
        clear_caching();
    }
}

/// Takes what a fetch needs from an exchange that goes on to answer its client. False when its
/// request cannot be copied.
bool Exchange::take_over(Exchange& from) {
    begin_anew();
    const std::string_view head((*from.request_)->filled(), from.head_.size);
    const wire::HeadLimits limits{.bytes_max = wire::kHeadBytesMax, .fields_max = wire::kFieldsMax};
    const auto room_for = [this](size_t size) {
        return size <= kBufferBytes ? shard_.take_buffer() : shard_.take_large_buffer();
    };
    own_request_ = room_for(head.size());
    own_request_->clear(0);
    std::ranges::copy(head, own_request_->data());
    own_request_->end = static_cast<uint32_t>(head.size());
    request_ = &own_request_;
    if (wire::parse_request(own_request_->data(), head.size(), limits, head_) !=
        wire::ParseStatus::kDone) {
        return false;
    }
    composed_room_ = room_for(from.composed_.size());
    composed_ = {composed_room_->data(),
                 from.composed_.copy(composed_room_->data(), from.composed_.size())};
    generation_ = from.generation_;
    ++generation_->users;
    route_ = from.route_;
    target_ = from.target_;
    client_ = from.client_;
    session_member_ = from.session_member_;
    request_id_ = from.request_id_;
    request_id_size_ = from.request_id_size_;
    body_done_ = true;
    caching_ = std::move(from.caching_);
    caching_->secure = from.connection_->transport().is_secure();
    set_deadline();
    return true;
}

Task<void> Exchange::refresh(Pool<Exchange>::Pointer self) {
    const Counted counted(self->shard_.refreshes);
    co_await self->proxy();
}

Task<bool> Exchange::send_nowhere() {
    co_return true;
}

}  // namespace shore::gateway

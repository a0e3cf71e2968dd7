// Http2RequestWriter: the fields of an HTTP/2 request as lines of HTTP/1.1 with the RequestHead
// that parse_request() would give for them, so that everything behind it serves both. It checks
// what the strict parser checks, and what RFC 9113 section 8 adds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/http1_head.h"

namespace shore::wire {

class Http2RequestWriter final {
 public:
    /// Writes into out[0, room) and `head`, both the caller's.
    void start(RequestHead& head, char* out, size_t room, const HeadLimits& limits);
    /// The bytes have moved to a larger place.
    void move_to(char* out, size_t room);
    size_t size() const { return size_; }
    /// The largest room that field() with these, and finish() behind it, can need.
    size_t room_for(std::string_view name, std::string_view value) const;

    /// One field, in the order of arrival. Faults are kept for finish().
    void field(std::string_view name, std::string_view value);
    /// Until finish(): the request names a protocol for the stream (RFC 8441).
    bool wants_tunnel() const { return !protocol_.empty(); }
    /// All fields are there. `end`: no body follows. `websocket_key`: 24 characters for a request
    /// that wants_tunnel(): HTTP/1.1's opening has one. kDone, or kBad with head.fault.
    ParseStatus finish(bool end, std::string_view websocket_key);
    /// The request wants the stream as a tunnel (RFC 8441).
    bool is_websocket() const { return websocket_; }

 private:
    Slice put_line(std::string_view text);
    void put_field(std::string_view name, std::string_view value, FieldId id);
    void pseudo_field(std::string_view name, std::string_view value);
    void refuse(Fault fault);
    Fault check_field(std::string_view name, std::string_view value, FieldId id);
    Fault check_request(bool end);
    Fault split_path();

    RequestHead* head_ = nullptr;
    char* out_ = nullptr;
    size_t room_ = 0;
    size_t size_ = 0;
    size_t list_size_ = 0;  // As RFC 9113 section 6.5.2 counts.
    HeadLimits limits_;
    Slice scheme_;
    Slice protocol_;
    Slice host_;
    bool regular_seen_ = false;
    bool websocket_ = false;
    std::string cookie_;  // Crumbs put together (RFC 9113 section 8.2.3).
};

}  // namespace shore::wire

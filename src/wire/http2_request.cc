#include "wire/http2_request.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "wire/ascii.h"
#include "wire/uri.h"

namespace shore::wire {

namespace {

/// What finish() writes besides the cookie: the lines of a WebSocket's opening.
constexpr size_t kFinishBytesMax = 160;

constexpr std::string_view kWebsocketKey = "sec-websocket-key";

}  // namespace

void Http2RequestWriter::start(RequestHead& head, char* out, size_t room,
                               const HeadLimits& limits) {
    head.clear();
    head_ = &head;
    out_ = out;
    room_ = room;
    size_ = list_size_ = 0;
    limits_ = limits;
    limits_.fields_max = std::min(limits.fields_max, kFieldsMax - 4);
    scheme_ = protocol_ = host_ = {};
    regular_seen_ = websocket_ = false;
    cookie_.clear();
}

void Http2RequestWriter::move_to(char* out, size_t room) {
    std::memcpy(out, out_, size_);
    out_ = out;
    room_ = room;
}

size_t Http2RequestWriter::room_for(std::string_view name, std::string_view value) const {
    return size_ + name.size() + value.size() + cookie_.size() + kFinishBytesMax;
}

void Http2RequestWriter::refuse(Fault fault) {
    if (head_->fault == Fault::kNone) {
        head_->fault = fault;
    }
}

Slice Http2RequestWriter::put_line(std::string_view text) {
    SHORE_ASSERT(size_ + text.size() + 2 <= room_);
    const Slice slice{static_cast<uint32_t>(size_), static_cast<uint32_t>(text.size())};
    text.copy(out_ + size_, text.size());
    std::memcpy(out_ + size_ + text.size(), "\r\n", 2);
    size_ += text.size() + 2;
    return slice;
}

void Http2RequestWriter::put_field(std::string_view name, std::string_view value, FieldId id) {
    SHORE_ASSERT(size_ + name.size() + value.size() + 4 <= room_);
    const auto at = static_cast<uint32_t>(size_);
    const auto name_size = static_cast<uint32_t>(name.size());
    name.copy(out_ + at, name.size());
    std::memcpy(out_ + at + name_size, ": ", 2);
    size_ = at + name_size + 2;
    head_->fields[head_->field_count++] = {
        .name = {at, name_size}, .value = put_line(value), .id = id};
}

void Http2RequestWriter::field(std::string_view name, std::string_view value) {
    list_size_ += name.size() + value.size() + 32;
    if (list_size_ > limits_.bytes_max) {
        refuse(Fault::kHeadTooLarge);
    }
    if (head_->fault != Fault::kNone) {
        return;
    }
    if (name.starts_with(':')) {
        pseudo_field(name, value);
        return;
    }
    regular_seen_ = true;
    const FieldId id = field_id(name);
    if (const Fault fault = check_field(name, value, id); fault != Fault::kNone) {
        refuse(fault);
        return;
    }
    if (id == FieldId::kCookie) {
        cookie_ += cookie_.empty() ? "" : "; ";
        cookie_ += value;
        return;
    }
    if (head_->field_count >= limits_.fields_max) {
        refuse(Fault::kTooManyFields);
        return;
    }
    put_field(name, value, id);
    if (id == FieldId::kHost) {
        host_ = head_->fields[head_->field_count - 1].value;
    }
}

void Http2RequestWriter::pseudo_field(std::string_view name, std::string_view value) {
    struct Known {
        std::string_view name;
        Slice* slice;
        Fault empty;
    };
    const std::array<Known, 5> known = {{{":method", &head_->method_text, Fault::kBadMethod},
                                         {":path", &head_->target, Fault::kBadTarget},
                                         {":authority", &head_->authority, Fault::kBadHost},
                                         {":scheme", &scheme_, Fault::kBadTarget},
                                         {":protocol", &protocol_, Fault::kBadTarget}}};
    for (const Known& each : known) {
        if (each.name == name) {
            // RFC 9113 section 8.3: once each, in front of all others.
            if (regular_seen_ || !each.slice->empty() || value.empty()) {
                refuse(regular_seen_ ? Fault::kBadRequestLine : each.empty);
            } else if (!all(kFieldValue, value)) {
                refuse(Fault::kControlByte);
            } else {
                *each.slice = put_line(value);
            }
            return;
        }
    }
    refuse(Fault::kBadFieldName);
}

Fault Http2RequestWriter::check_field(std::string_view name, std::string_view value, FieldId id) {
    for (const char c : name) {
        if (!is(kToken, c) || (c >= 'A' && c <= 'Z')) {
            return Fault::kBadFieldName;
        }
        head_->has_underscore_name |= c == '_';
    }
    if (name.empty() || !all(kFieldValue, value) || trim_ows(value).size() != value.size()) {
        return name.empty() ? Fault::kBadFieldName : Fault::kControlByte;
    }
    switch (id) {
        // RFC 9113 section 8.2.2: of one connection, which HTTP/2 has other means for.
        case FieldId::kConnection:
        case FieldId::kKeepAlive:
        case FieldId::kProxyConnection:
        case FieldId::kTransferEncoding:
        case FieldId::kUpgrade:
            return Fault::kBadFieldName;
        case FieldId::kTe:
            return equals_lower_case(value, "trailers") ? Fault::kNone : Fault::kBadFieldName;
        case FieldId::kHost:
            return host_.empty() ? Fault::kNone : Fault::kManyHosts;
        case FieldId::kExpect:
            head_->expect_continue = equals_lower_case(value, "100-continue");
            return head_->expect_continue ? Fault::kNone : Fault::kUnknownExpectation;
        case FieldId::kContentLength:
            break;
        default:
            return Fault::kNone;
    }
    if (head_->has_content_length) {
        return Fault::kManyContentLengths;
    }
    if (value.empty() || value.size() > 18 || !all(kDigit, value)) {
        return Fault::kBadContentLength;
    }
    head_->has_content_length = true;
    for (const char digit : value) {
        head_->content_length = head_->content_length * 10 + static_cast<uint64_t>(digit - '0');
    }
    return Fault::kNone;
}

/// ":path" into path and query.
Fault Http2RequestWriter::split_path() {
    const std::string_view target = head_->target.in(out_);
    if (target == "*") {
        head_->form = TargetForm::kAsterisk;
        return head_->method == Method::kOptions ? Fault::kNone : Fault::kBadTarget;
    }
    if (!target.starts_with('/') || !all(kTarget, target)) {
        return Fault::kBadTarget;
    }
    const size_t question = std::min(target.find('?'), target.size());
    const auto at = static_cast<uint32_t>(question);
    head_->path = {head_->target.offset, at};
    head_->query = {head_->target.offset + at, head_->target.length - at};
    return Fault::kNone;
}

Fault Http2RequestWriter::check_request(bool end) {
    const std::string_view method = head_->method_text.in(out_);
    if (method.empty() || method.size() > kMethodBytesMax || !all(kToken, method)) {
        return Fault::kBadMethod;
    }
    head_->method = method_of(method);
    // RFC 9113 section 8.3.1: with both, Host must say the same; :authority counts.
    if (head_->authority.empty()) {
        head_->authority = host_;
    } else if (!host_.empty() && host_.in(out_) != head_->authority.in(out_)) {
        return Fault::kManyHosts;
    }
    if (head_->authority.empty()) {
        return Fault::kNoHost;
    }
    if (!is_host(head_->authority.in(out_))) {
        return Fault::kBadHost;
    }
    if (head_->method == Method::kConnect && protocol_.empty()) {
        head_->form = TargetForm::kAuthority;
        return scheme_.empty() && head_->target.empty() ? Fault::kNone : Fault::kBadTarget;
    }
    const std::string_view scheme = scheme_.in(out_);
    if (scheme != "http" && scheme != "https") {
        return Fault::kBadTarget;
    }
    if (const Fault fault = split_path(); fault != Fault::kNone) {
        return fault;
    }
    if (protocol_.empty()) {
        return Fault::kNone;
    }
    websocket_ = head_->method == Method::kConnect && protocol_.in(out_) == "websocket" && !end;
    return websocket_ ? Fault::kNone : Fault::kBadMethod;
}

ParseStatus Http2RequestWriter::finish(bool end, std::string_view websocket_key) {
    RequestHead& head = *head_;
    if (head.fault == Fault::kNone) {
        refuse(check_request(end));
    }
    if (head.fault != Fault::kNone) {
        return ParseStatus::kBad;
    }
    if (!cookie_.empty()) {
        put_field("cookie", cookie_, FieldId::kCookie);
    }
    if (websocket_) {
        // RFC 8441 section 5: what a GET with Upgrade says in HTTP/1.1.
        head.method = Method::kGet;
        head.method_text = put_line("GET");
        put_field("upgrade", "websocket", FieldId::kUpgrade);
        put_field(kWebsocketKey, websocket_key, FieldId::kOther);
        head.connection_upgrade = head.has_upgrade = true;
        head.has_content_length = false;
        head.content_length = 0;
    } else if (!end) {
        head.framing = head.has_content_length ? Framing::kLength : Framing::kChunked;
        if (head.has_content_length && head.content_length == 0) {
            head.framing = Framing::kNone;
        }
    }
    head.expect_continue &= head.framing != Framing::kNone;
    head.size = static_cast<uint32_t>(size_);
    return ParseStatus::kDone;
}

}  // namespace shore::wire

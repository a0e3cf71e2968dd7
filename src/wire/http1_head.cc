#include "wire/http1_head.h"

#include <algorithm>
#include <cstring>

#include "wire/ascii.h"
#include "wire/uri.h"

namespace shore::wire {

namespace {

enum TransferEncoding : uint8_t { kEncodingSeen = 1 };

ParseStatus refuse(Head& head, Fault fault) {
    head.fault = fault;
    return ParseStatus::kBad;
}

/// A decimal number of at most 18 digits, which is below 2^63 and needs no overflow check.
bool parse_length(std::string_view text, uint64_t& value) {
    if (text.empty() || text.size() > 18 || !all(kDigit, text)) {
        return false;
    }
    value = 0;
    for (const char c : text) {
        value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
}

Fault version_fault(std::string_view version) {
    const bool shaped = version.size() == 8 && version.starts_with("HTTP/") &&
                        is(kDigit, version[5]) && version[6] == '.' && is(kDigit, version[7]);
    if (!shaped) {
        return Fault::kBadVersion;
    }
    return version[5] == '1' && version[7] <= '1' ? Fault::kNone : Fault::kUnsupportedVersion;
}

void on_connection(std::string_view value, Head& head, bool& close, bool& keep_alive) {
    std::string_view item;
    while (next_list_item(value, item)) {
        if (equals_lower_case(item, "close")) {
            close = true;
        } else if (equals_lower_case(item, "keep-alive")) {
            keep_alive = true;
        } else if (equals_lower_case(item, "upgrade")) {
            head.connection_upgrade = true;
        } else {
            head.connection_names_fields = true;
        }
    }
}

Fault on_content_length(std::string_view value, Head& head) {
    if (head.has_content_length) {
        return Fault::kManyContentLengths;
    }
    head.has_content_length = true;
    if (value.contains(',')) {
        return Fault::kManyContentLengths;
    }
    return parse_length(value, head.content_length) ? Fault::kNone : Fault::kBadContentLength;
}

/// Only "chunked", once, alone: nothing else is understood by everybody in the same way (RFC 9112
/// section 6.1).
Fault on_transfer_encoding(std::string_view value, Head& head) {
    if (head.transfer_encodings != 0) {
        return Fault::kBadTransferEncoding;
    }
    head.transfer_encodings = kEncodingSeen;
    if (equals_lower_case(value, "chunked")) {
        return Fault::kNone;
    }
    std::string_view item;
    size_t chunked = 0;
    size_t items = 0;
    bool chunked_last = false;
    for (std::string_view rest = value; next_list_item(rest, item); ++items) {
        chunked_last = equals_lower_case(item, "chunked");
        chunked += chunked_last ? 1 : 0;
    }
    const bool understandable =
        items > 1 ? chunked == 1 && chunked_last : items == 1 && chunked == 0;
    return understandable && all(kToken, item) ? Fault::kUnsupportedTransferEncoding
                                               : Fault::kBadTransferEncoding;
}

/// Splits one field line (without its CRLF) and appends it to the head.
Fault add_field(const char* data, uint32_t offset, uint32_t length, uint32_t fields_max,
                Head& head) {
    const std::string_view line(data + offset, length);
    if (line.front() == ' ' || line.front() == '\t') {
        return Fault::kFoldedLine;
    }
    uint32_t colon = 0;
    bool underscore = false;
    while (colon < length && is(kToken, line[colon])) {
        underscore |= line[colon] == '_';
        ++colon;
    }
    if (colon == length) {
        return Fault::kNoColon;
    }
    if (line[colon] != ':') {
        const bool space = line[colon] == ' ' || line[colon] == '\t';
        return space ? Fault::kSpaceBeforeColon : Fault::kBadFieldName;
    }
    if (colon == 0) {
        return Fault::kBadFieldName;
    }
    if (head.field_count >= fields_max) {
        return Fault::kTooManyFields;
    }
    const std::string_view raw = line.substr(colon + 1);
    if (!all(kFieldValue, raw)) {
        return raw.contains('\r') ? Fault::kBareCarriageReturn : Fault::kControlByte;
    }
    const std::string_view value = trim_ows(raw);
    head.has_underscore_name |= underscore;
    head.fields[head.field_count++] = {
        .name = {offset, colon},
        .value = {value.empty() ? offset + colon + 1 : static_cast<uint32_t>(value.data() - data),
                  static_cast<uint32_t>(value.size())},
        .id = field_id(line.substr(0, colon)),
    };
    return Fault::kNone;
}

/// Goes through the lines that are complete. `first_line` takes the start line; after the empty
/// line it returns kDone.
template <class FirstLine>
ParseStatus parse_lines(const char* data, size_t size, const HeadLimits& limits, Head& head,
                        FirstLine first_line) {
    const uint32_t bytes_max = std::min(limits.bytes_max, kHeadBytesMax);
    const uint32_t fields_max = std::min(limits.fields_max, kFieldsMax);
    const uint32_t end = static_cast<uint32_t>(std::min<size_t>(size, bytes_max));
    for (;;) {
        const void* found = std::memchr(data + head.scan_offset, '\n', end - head.scan_offset);
        if (found == nullptr) {
            head.scan_offset = end;
            if (size < bytes_max) {
                return ParseStatus::kMore;
            }
            return refuse(head, head.in_fields ? Fault::kHeadTooLarge : Fault::kTargetTooLong);
        }
        const uint32_t offset = head.line_offset;
        const auto line_feed = static_cast<uint32_t>(static_cast<const char*>(found) - data);
        if (line_feed == offset || data[line_feed - 1] != '\r') {
            return refuse(head, Fault::kBareLineFeed);
        }
        const uint32_t length = line_feed - 1 - offset;
        head.line_offset = head.scan_offset = line_feed + 1;
        if (!head.in_fields) {
            if (length == 0 && offset == 0) {
                continue;  // One empty line before the start line (RFC 9112 section 2.2).
            }
            const Fault fault = first_line(offset, length);
            if (fault != Fault::kNone) {
                return refuse(head, fault);
            }
            head.in_fields = true;
        } else if (length == 0) {
            head.size = line_feed + 1;
            return ParseStatus::kDone;
        } else if (const Fault fault = add_field(data, offset, length, fields_max, head);
                   fault != Fault::kNone) {
            return refuse(head, fault);
        }
    }
}

/// The control byte that made a start line wrong, or the fault that fits otherwise.
Fault line_fault(std::string_view line, Fault otherwise) {
    if (line.contains('\r')) {
        return Fault::kBareCarriageReturn;
    }
    return all(kFieldValue, line) ? otherwise : Fault::kControlByte;
}

/// Splits "http://authority/path?query". False when it is none of that.
bool split_absolute(const char* data, RequestHead& head) {
    const std::string_view target = head.target.in(data);
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos ||
        (!equals_lower_case(target.substr(0, scheme), "http") &&
         !equals_lower_case(target.substr(0, scheme), "https"))) {
        return false;
    }
    const auto start = static_cast<uint32_t>(scheme + 3);
    const size_t found = target.find_first_of("/?", start);
    const auto end = static_cast<uint32_t>(found == std::string_view::npos ? target.size() : found);
    head.authority = {head.target.offset + start, end - start};
    head.path = {head.target.offset + end, head.target.length - end};
    return is_host(head.authority.in(data));
}

Fault on_target(const char* data, RequestHead& head) {
    const std::string_view target = head.target.in(data);
    if (target.empty() || !all(kTarget, target)) {
        return Fault::kBadTarget;
    }
    if (head.method == Method::kConnect) {
        head.form = TargetForm::kAuthority;
        head.authority = head.target;
        return is_host(target) && target.contains(':') ? Fault::kNone : Fault::kBadTarget;
    }
    if (target.front() == '/') {
        head.form = TargetForm::kOrigin;
        head.path = head.target;
    } else if (target == "*") {
        head.form = TargetForm::kAsterisk;
        return head.method == Method::kOptions ? Fault::kNone : Fault::kBadTarget;
    } else {
        head.form = TargetForm::kAbsolute;
        if (!split_absolute(data, head)) {
            return Fault::kBadTarget;
        }
    }
    const size_t question = head.path.in(data).find('?');
    if (question != std::string_view::npos) {
        const auto at = static_cast<uint32_t>(question);
        head.query = {head.path.offset + at, head.path.length - at};
        head.path.length = at;
    }
    return Fault::kNone;
}

Fault on_request_line(const char* data, uint32_t offset, uint32_t length, RequestHead& head) {
    const std::string_view line(data + offset, length);
    const size_t first = line.find(' ');
    const size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return line_fault(line, Fault::kBadRequestLine);
    }
    const std::string_view method = line.substr(0, first);
    if (method.empty() || method.size() > kMethodBytesMax || !all(kToken, method)) {
        return line_fault(line, Fault::kBadMethod);
    }
    head.method_text = {offset, static_cast<uint32_t>(first)};
    head.method = method_of(method);
    const std::string_view version = line.substr(last + 1);
    if (const Fault fault = version_fault(version); fault != Fault::kNone) {
        return fault == Fault::kBadVersion ? line_fault(line, fault) : fault;
    }
    head.minor_version = static_cast<uint8_t>(version[7] - '0');
    head.target = {offset + static_cast<uint32_t>(first) + 1,
                   static_cast<uint32_t>(last - first - 1)};
    const Fault fault = on_target(data, head);
    return fault == Fault::kNone ? fault : line_fault(line, fault);
}

Fault on_status_line(const char* data, uint32_t offset, uint32_t length, ResponseHead& head) {
    const std::string_view line(data + offset, length);
    if (!all(kFieldValue, line)) {
        return line_fault(line, Fault::kBadStatusLine);
    }
    if (const Fault fault = version_fault(line.substr(0, line.find(' '))); fault != Fault::kNone) {
        return fault;
    }
    head.minor_version = static_cast<uint8_t>(line[7] - '0');
    // "HTTP/1.1 200" without the space before an empty reason is common and harmless.
    if (length < 12 || line[8] != ' ' || !all(kDigit, line.substr(9, 3)) ||
        (length > 12 && line[12] != ' ')) {
        return Fault::kBadStatusLine;
    }
    head.status =
        static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    if (head.status < 100 || head.status > 599) {
        return Fault::kBadStatusLine;
    }
    if (length > 13) {
        head.reason = {offset + 13, length - 13};
    }
    return Fault::kNone;
}

/// What every head's fields say about connection and framing.
Fault common_field(const char* data, const Field& field, Head& head, bool& close,
                   bool& keep_alive) {
    switch (field.id) {
        case FieldId::kConnection:
            on_connection(field.value.in(data), head, close, keep_alive);
            return Fault::kNone;
        case FieldId::kContentLength:
            return on_content_length(field.value.in(data), head);
        case FieldId::kTransferEncoding:
            return on_transfer_encoding(field.value.in(data), head);
        case FieldId::kUpgrade:
            head.has_upgrade = true;
            return Fault::kNone;
        default:
            return Fault::kNone;
    }
}

Fault finish_framing(Head& head, bool close, bool keep_alive) {
    head.keep_alive = !close && (head.minor_version == 1 || keep_alive);
    if (head.transfer_encodings == 0) {
        return Fault::kNone;
    }
    if (head.minor_version == 0) {
        return Fault::kEncodingInOldVersion;
    }
    return head.has_content_length ? Fault::kLengthAndEncoding : Fault::kNone;
}

Fault finish_request(const char* data, RequestHead& head) {
    bool close = false;
    bool keep_alive = false;
    const Field* host = nullptr;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const Field& field = head.fields[i];
        Fault fault = Fault::kNone;
        if (field.id == FieldId::kHost) {
            fault = host == nullptr ? Fault::kNone : Fault::kManyHosts;
            host = &field;
        } else if (field.id == FieldId::kExpect) {
            // RFC 9110 section 10.1.1: an HTTP/1.0 client cannot wait for an interim response.
            const bool known = equals_lower_case(field.value.in(data), "100-continue");
            fault = known ? Fault::kNone : Fault::kUnknownExpectation;
            head.expect_continue = head.minor_version == 1;
        } else if (field.id != FieldId::kOther) {
            fault = common_field(data, field, head, close, keep_alive);
        }
        if (fault != Fault::kNone) {
            return fault;
        }
    }
    if (host == nullptr && head.minor_version == 1) {
        return Fault::kNoHost;
    }
    if (host != nullptr && !is_host(host->value.in(data))) {
        return Fault::kBadHost;
    }
    if (host != nullptr && head.authority.empty()) {
        head.authority = host->value;
    }
    if (const Fault fault = finish_framing(head, close, keep_alive); fault != Fault::kNone) {
        return fault;
    }
    if (head.transfer_encodings != 0) {
        head.framing = Framing::kChunked;
    } else if (head.has_content_length && head.content_length > 0) {
        head.framing = Framing::kLength;
    }
    head.expect_continue &= head.framing != Framing::kNone;
    return Fault::kNone;
}

Fault finish_response(const char* data, Method request, ResponseHead& head) {
    bool close = false;
    bool keep_alive = false;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const Fault fault = common_field(data, head.fields[i], head, close, keep_alive);
        if (fault != Fault::kNone) {
            return fault;
        }
    }
    if (const Fault fault = finish_framing(head, close, keep_alive); fault != Fault::kNone) {
        return fault;
    }
    // RFC 9112 section 6.3, in its order.
    const bool no_body = request == Method::kHead || head.status < 200 || head.status == 204 ||
                         head.status == 304 || (request == Method::kConnect && head.status < 300);
    if (no_body) {
        head.framing = Framing::kNone;
    } else if (head.transfer_encodings != 0) {
        head.framing = Framing::kChunked;
    } else if (head.has_content_length) {
        head.framing = head.content_length > 0 ? Framing::kLength : Framing::kNone;
    } else {
        head.framing = Framing::kUntilClose;
        head.keep_alive = false;
    }
    return Fault::kNone;
}

}  // namespace

const Field* Head::find(FieldId id) const {
    for (uint32_t i = 0; i < field_count; ++i) {
        if (fields[i].id == id) {
            return &fields[i];
        }
    }
    return nullptr;
}

void Head::clear() {
    size = 0;
    fault = Fault::kNone;
    minor_version = 1;
    framing = Framing::kNone;
    content_length = 0;
    has_content_length = false;
    keep_alive = true;
    connection_upgrade = false;
    connection_names_fields = false;
    has_upgrade = false;
    has_underscore_name = false;
    field_count =
        0;  // The fields themselves are overwritten; touching 5 KiB a message would be waste.
    line_offset = 0;
    scan_offset = 0;
    in_fields = false;
    transfer_encodings = 0;
}

void RequestHead::clear() {
    Head::clear();
    method_text = {};
    method = Method::kOther;
    target = {};
    form = TargetForm::kOrigin;
    authority = {};
    path = {};
    query = {};
    expect_continue = false;
}

void ResponseHead::clear() {
    Head::clear();
    status = 0;
    reason = {};
}

ParseStatus parse_request(const char* data, size_t size, const HeadLimits& limits,
                          RequestHead& head) {
    const ParseStatus status =
        parse_lines(data, size, limits, head, [&](uint32_t offset, uint32_t length) {
            return on_request_line(data, offset, length, head);
        });
    if (status != ParseStatus::kDone) {
        return status;
    }
    const Fault fault = finish_request(data, head);
    return fault == Fault::kNone ? ParseStatus::kDone : refuse(head, fault);
}

ParseStatus parse_response(const char* data, size_t size, const HeadLimits& limits, Method request,
                           ResponseHead& head) {
    const ParseStatus status =
        parse_lines(data, size, limits, head, [&](uint32_t offset, uint32_t length) {
            return on_status_line(data, offset, length, head);
        });
    if (status != ParseStatus::kDone) {
        return status;
    }
    const Fault fault = finish_response(data, request, head);
    return fault == Fault::kNone ? ParseStatus::kDone : refuse(head, fault);
}

Method method_of(std::string_view token) {
    struct Known {
        std::string_view text;
        Method method;
    };
    static constexpr std::array<Known, 9> kMethods = {{{"GET", Method::kGet},
                                                       {"POST", Method::kPost},
                                                       {"HEAD", Method::kHead},
                                                       {"PUT", Method::kPut},
                                                       {"DELETE", Method::kDelete},
                                                       {"OPTIONS", Method::kOptions},
                                                       {"PATCH", Method::kPatch},
                                                       {"TRACE", Method::kTrace},
                                                       {"CONNECT", Method::kConnect}}};
    for (const Known& known : kMethods) {
        if (known.text == token) {
            return known.method;
        }
    }
    return Method::kOther;
}

bool list_has(std::string_view list, std::string_view token) {
    std::string_view item;
    while (next_list_item(list, item)) {
        if (equals_lower_case(item, token)) {
            return true;
        }
    }
    return false;
}

}  // namespace shore::wire

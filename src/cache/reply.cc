#include "cache/reply.h"

#include <algorithm>
#include <charconv>

#include "wire/ascii.h"
#include "wire/byte_range.h"

namespace shore::cache {

using wire::FieldId;

namespace {

std::string_view field_of(const RequestView& request, FieldId id) {
    const wire::Field* const field = request.head->find(id);
    return field == nullptr ? std::string_view() : field->value.in(request.data);
}

std::string_view opaque(std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
}

/// RFC 9110 section 8.8.3.2, weak comparison over a list; "*" matches whatever is stored.
bool lists_tag(std::string_view list, std::string_view tag) {
    if (list == "*") {
        return true;
    }
    std::string_view item;
    while (wire::next_list_item(list, item)) {
        if (!tag.empty() && opaque(item) == opaque(tag)) {
            return true;
        }
    }
    return false;
}

bool not_modified(const Entry& entry, const RequestView& request) {
    const std::string_view none_match = field_of(request, FieldId::kIfNoneMatch);
    if (!none_match.empty()) {
        return lists_tag(none_match, entry.entity_tag);
    }
    const std::string_view since = field_of(request, FieldId::kIfModifiedSince);
    if (since.empty() || entry.last_modified.empty()) {
        return false;
    }
    if (since == entry.last_modified) {
        return true;
    }
    const auto asked = base::parse_http_date(since);
    const auto modified = base::parse_http_date(entry.last_modified);
    return asked && modified && *modified <= *asked;
}

/// RFC 9110 section 13.1.5: strong comparison; a date must be the very one.
bool range_applies(const Entry& entry, const RequestView& request) {
    const std::string_view condition = field_of(request, FieldId::kIfRange);
    if (condition.empty()) {
        return true;
    }
    if (condition.starts_with('"')) {
        return condition == entry.entity_tag;
    }
    return !condition.starts_with("W/") && condition == entry.last_modified;
}

void take_range(std::string_view range, uint64_t size, Reply& reply) {
    const wire::ByteRange part = wire::parse_byte_range(range, size);
    if (part.outcome == wire::RangeOutcome::kUnsatisfiable) {
        reply = {.status = 416};
    } else if (part.outcome == wire::RangeOutcome::kPart) {
        reply.status = 206;
        reply.first = part.first;
        reply.count = part.count;
    }
}

struct Writer {
    char* at;
    void put(std::string_view text) { at += text.copy(at, text.size()); }
    void put(uint64_t value) { at = std::to_chars(at, at + 20, value).ptr; }
};

/// What a 304 repeats (RFC 9110 section 15.4.5).
bool belongs_to_304(std::string_view line) {
    const std::string_view name = line.substr(0, line.find(':'));
    switch (wire::field_id(name)) {
        case FieldId::kCacheControl:
        case FieldId::kDate:
        case FieldId::kEtag:
        case FieldId::kExpires:
        case FieldId::kLastModified:
        case FieldId::kServer:
        case FieldId::kVary:
            return true;
        default:
            return wire::equals_lower_case(name, "content-location");
    }
}

void put_304_fields(std::string_view fields, Writer& out) {
    while (!fields.empty()) {
        const std::string_view line = fields.substr(0, fields.find('\n') + 1);
        if (belongs_to_304(line)) {
            out.put(line);
        }
        fields.remove_prefix(line.size());
    }
}

}  // namespace

Reply plan_reply(const Entry& entry, const RequestView& request) {
    Reply reply{.status = entry.status, .count = entry.body->size()};
    if (entry.status == 200) {
        if (not_modified(entry, request)) {
            return {.status = 304};
        }
        const std::string_view range = field_of(request, FieldId::kRange);
        if (!range.empty() && !entry.body->empty() && request.head->method == wire::Method::kGet &&
            range_applies(entry, request)) {
            take_range(range, entry.body->size(), reply);
        }
    }
    reply.has_body = reply.count > 0 && request.head->method == wire::Method::kGet;
    return reply;
}

size_t head_size_max(const Entry& entry, const ReplyHead& with) {
    return entry.fields.size() + entry.reason.size() + with.cache_status.size() +
           with.request_id.size() + with.connection_line.size() + 256;
}

size_t write_head(const Entry& entry, const Reply& reply, const ReplyHead& with,
                  char* const begin) {
    Writer out{begin};
    out.put("HTTP/1.1 ");
    out.put(uint64_t{reply.status});
    out.put(" ");
    switch (reply.status) {
        case 304:
            out.put("Not Modified\r\n");
            put_304_fields(entry.fields, out);
            break;
        case 206:
        case 416:
            out.put(reply.status == 206 ? "Partial Content\r\n" : "Range Not Satisfiable\r\n");
            out.put(entry.fields);
            out.put("Content-Range: bytes ");
            if (reply.status == 206) {
                out.put(reply.first);
                out.put("-");
                out.put(reply.first + reply.count - 1);
            } else {
                out.put("*");
            }
            out.put("/");
            out.put(uint64_t{entry.body->size()});
            out.put("\r\n");
            break;
        default:
            out.put(entry.reason);
            out.put("\r\n");
            out.put(entry.fields);
    }
    if (reply.status != 304 && reply.status != 204) {
        out.put("Content-Length: ");
        out.put(reply.count);
        out.put("\r\n");
    }
    out.put("Age: ");
    out.put(static_cast<uint64_t>(std::max(int64_t{0}, with.age_seconds)));
    out.put("\r\n");
    if (!with.cache_status.empty()) {
        out.put("Cache-Status: ");
        out.put(with.cache_status);
        out.put("\r\n");
    }
    if (!with.request_id.empty()) {
        out.put("X-Request-Id: ");
        out.put(with.request_id);
        out.put("\r\n");
    }
    out.put(with.connection_line);
    out.put("\r\n");
    return static_cast<size_t>(out.at - begin);
}

}  // namespace shore::cache

#include "gateway/rewrite.h"

#include <array>
#include <charconv>
#include <cstring>

#include "gateway/limits.h"
#include "wire/ascii.h"

namespace shore::gateway {

using wire::Field;
using wire::FieldId;

namespace {

struct Writer {
    char* at;
    template <class... Texts>
    void put(Texts... texts) {
        ((at += std::string_view(texts).copy(at, std::string_view::npos)), ...);
    }
};

/// Copies the lines of fields; those that stand side by side go in one piece.
class LineCopier final {
 public:
    LineCopier(const char* data, Writer& out) : data_(data), out_(out) {}
    void keep(const Field& field) {
        const uint32_t begin = field.name.offset;
        const char* const value_end = data_ + field.value.offset + field.value.length;
        const auto* const line_feed =
            static_cast<const char*>(std::memchr(value_end, '\n', SIZE_MAX >> 1U));
        if (begin != end_) {
            flush();
            begin_ = begin;
        }
        end_ = static_cast<uint32_t>(line_feed + 1 - data_);
    }
    void flush() {
        out_.put(std::string_view(data_ + begin_, end_ - begin_));
        begin_ = end_ = UINT32_MAX;
    }

 private:
    const char* data_;
    Writer& out_;
    uint32_t begin_ = UINT32_MAX;
    uint32_t end_ = UINT32_MAX;
};

/// True when Connection names this field: then it belongs to one hop.
bool named_by_connection(const char* data, const wire::Head& head, const Field& field) {
    const std::string_view name = field.name.in(data);
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id == FieldId::kConnection &&
            wire::list_has(head.fields[i].value.in(data), name)) {
            return true;
        }
    }
    return false;
}

/// "X_Forwarded_For" reads as "X-Forwarded-For" in CGI, WSGI and Rack: a field that Shore writes or
/// takes out must not come in by that door.
bool mimics_known_field(std::string_view name) {
    std::array<char, 32> dashed;
    if (!name.contains('_') || name.size() > dashed.size()) {
        return false;
    }
    for (size_t i = 0; i < name.size(); ++i) {
        dashed[i] = name[i] == '_' ? '-' : name[i];
    }
    return wire::field_id({dashed.data(), name.size()}) != FieldId::kOther;
}

bool is_rewritten_by_us(FieldId id, const RequestRewrite& from) {
    switch (id) {
        case FieldId::kXForwardedFor:
        case FieldId::kForwarded:
        case FieldId::kXRequestId:
        case FieldId::kExpect:
        case FieldId::kHost:
            return true;
        case FieldId::kIfNoneMatch:
        case FieldId::kIfModifiedSince:
            return from.unconditional;
        case FieldId::kClientCert:
        case FieldId::kClientCertChain:
            return !from.trusted || !from.client_certificate.empty();
        case FieldId::kXForwardedHost:
        case FieldId::kXForwardedPort:
        case FieldId::kXForwardedProto:
        case FieldId::kXForwardedPrefix:
        case FieldId::kXRealIp:
            return !from.trusted;
        case FieldId::kTraceparent:
            return !from.traceparent.empty();
        case FieldId::kTracestate:
            return !from.traceparent.empty() && !from.trace_continued;
        case FieldId::kContentEncoding:
        case FieldId::kContentLength:
            return from.decoded;
        default:
            return false;
    }
}

/// "Name: old, new" where all old values of that field are joined.
void append_list_field(const RequestRewrite& from, Writer& out, FieldId id) {
    const wire::RequestHead& head = *from.head;
    for (uint32_t i = 0; from.trusted && i < head.field_count; ++i) {
        if (head.fields[i].id == id && !head.fields[i].value.empty()) {
            out.put(head.fields[i].value.in(from.data), ", ");
        }
    }
}

void put_forwarding_fields(const RequestRewrite& from, Writer& out) {
    const wire::RequestHead& head = *from.head;
    const std::string_view host = head.authority.in(from.data);
    out.put("X-Forwarded-For: ");
    append_list_field(from, out, FieldId::kXForwardedFor);
    out.put(from.client, "\r\n");
    if (!from.trusted || head.find(FieldId::kXForwardedProto) == nullptr) {
        out.put("X-Forwarded-Proto: http", from.secure ? "s\r\n" : "\r\n");
    }
    if (!host.empty() && (!from.trusted || head.find(FieldId::kXForwardedHost) == nullptr)) {
        out.put("X-Forwarded-Host: ", host, "\r\n");
    }
    out.put("Forwarded: ");
    append_list_field(from, out, FieldId::kForwarded);
    if (from.client_is_ipv6) {
        out.put("for=\"[", from.client, "]\"");
    } else {
        out.put("for=", from.client);
    }
    if (!host.empty()) {
        out.put(";host=\"", host, "\"");
    }
    out.put(";proto=http", from.secure ? "s" : "", "\r\nX-Request-Id: ", from.request_id, "\r\n");
}

void put_upgrade(const char* data, const wire::Head& head, Writer& out) {
    out.put("Connection: upgrade\r\n");
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id == FieldId::kUpgrade) {
            out.put("Upgrade: ", head.fields[i].value.in(data), "\r\n");
        }
    }
}

}  // namespace

std::string_view believable_request_id(const char* data, const wire::RequestHead& head) {
    const Field* const field = head.find(FieldId::kXRequestId);
    if (field == nullptr || field->value.length > kRequestIdMax ||
        !wire::all(wire::kTarget, field->value.in(data))) {
        return {};
    }
    return field->value.in(data);
}

size_t rewrite_request(const RequestRewrite& from, char* const begin) {
    const wire::RequestHead& head = *from.head;
    Writer out{begin};
    if (head.form == wire::TargetForm::kAsterisk) {
        out.put(head.method_text.in(from.data), " * HTTP/1.1\r\nHost: ");
    } else {
        out.put(head.method_text.in(from.data), " ", from.path, head.query.in(from.data),
                " HTTP/1.1\r\nHost: ");
    }
    const bool new_host = from.edits != nullptr && !from.edits->host().empty();
    out.put(new_host                 ? from.edits->host()
            : head.authority.empty() ? from.fallback_host
                                     : head.authority.in(from.data),
            "\r\n");
    LineCopier lines(from.data, out);
    bool pending = false;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const Field& field = head.fields[i];
        const bool out_of_the_way =
            wire::is_hop_by_hop(field.id) || is_rewritten_by_us(field.id, from) ||
            (head.has_underscore_name && mimics_known_field(field.name.in(from.data))) ||
            (head.connection_names_fields && named_by_connection(from.data, head, field) &&
             field.id != FieldId::kContentLength) ||
            (from.edits != nullptr && from.edits->drops(field.name.in(from.data)));
        if (!out_of_the_way) {
            lines.keep(field);
            pending = true;
        }
    }
    if (pending) {
        lines.flush();
    }
    put_forwarding_fields(from, out);
    if (!from.client_certificate.empty()) {
        out.put("Client-Cert: ", from.client_certificate, "\r\n");
    }
    if (!from.traceparent.empty()) {
        out.put("traceparent: ", from.traceparent, "\r\n");
    }
    if (from.edits != nullptr) {
        out.put(from.edits->lines());
    }
    if (from.decoded_length) {
        std::array<char, 20> digits;
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), *from.decoded_length);
        out.put("Content-Length: ", std::string_view(digits.data(), end.ptr), "\r\n");
    } else if (head.framing == wire::Framing::kChunked || from.decoded) {
        out.put("Transfer-Encoding: chunked\r\n");
    }
    if (!from.if_none_match.empty()) {
        out.put("If-None-Match: ", from.if_none_match, "\r\n");
    }
    if (!from.if_modified_since.empty()) {
        out.put("If-Modified-Since: ", from.if_modified_since, "\r\n");
    }
    if (from.expect_continue) {
        out.put("Expect: 100-continue\r\n");
    }
    if (from.upgrade) {
        put_upgrade(from.data, head, out);
    }
    out.put("\r\n");
    return static_cast<size_t>(out.at - begin);
}

namespace {

/// What the coding of a body changes in its head (RFC 9110 sections 8.4, 8.8.3, 12.5.5). True when
/// the field's line does not pass as it is.
bool recode_field(FieldId id, std::string_view value, ContentPlan& content, Writer& out) {
    switch (id) {
        case FieldId::kVary:
            content.vary &=
                !wire::list_has(value, "accept-encoding") && !wire::list_has(value, "*");
            return false;
        case FieldId::kContentLength:
        case FieldId::kContentEncoding:  // "identity" at most.
        case FieldId::kAcceptRanges:
            return content.coding != Coding::kIdentity;
        case FieldId::kEtag:
            if (content.coding == Coding::kIdentity || value.starts_with("W/")) {
                return false;
            }
            // The same content in other bytes.
            out.put("ETag: W/", value, "\r\n");
            return true;
        default:
            return false;
    }
}

/// `edits` decide about the fields that they name.
void put_content_fields(const ContentPlan& content, const CompiledEdits* edits, Writer& out) {
    if (content.coding != Coding::kIdentity) {
        out.put("Content-Encoding: ", to_string(content.coding), "\r\n");
    }
    if (content.vary) {
        out.put("Vary: Accept-Encoding\r\n");
    }
    for (std::string_view rest = content.added; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n') + 1);
        rest.remove_prefix(line.size());
        if (edits == nullptr || !edits->drops(line.substr(0, line.find(':')))) {
            out.put(line);
        }
    }
}

}  // namespace

size_t rewrite_response(const ResponseRewrite& from, char* const begin) {
    const wire::ResponseHead& head = *from.head;
    Writer out{begin};
    const std::array<char, 4> status = {static_cast<char>('0' + head.status / 100),
                                        static_cast<char>('0' + head.status / 10 % 10),
                                        static_cast<char>('0' + head.status % 10), ' '};
    out.put("HTTP/1.1 ", std::string_view(status.data(), status.size()), head.reason.in(from.data),
            "\r\n");
    LineCopier lines(from.data, out);
    bool pending = false;
    bool has_date = false;
    bool has_server = false;
    bool has_request_id = false;
    ContentPlan content = from.content;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const Field& field = head.fields[i];
        has_date |= field.id == FieldId::kDate;
        has_server |= field.id == FieldId::kServer;
        has_request_id |= field.id == FieldId::kXRequestId;
        const bool out_of_the_way =
            wire::is_hop_by_hop(field.id) ||
            (head.connection_names_fields && named_by_connection(from.data, head, field) &&
             field.id != FieldId::kContentLength) ||
            (from.edits != nullptr && from.edits->drops(field.name.in(from.data))) ||
            recode_field(field.id, field.value.in(from.data), content, out);
        if (!out_of_the_way) {
            lines.keep(field);
            pending = true;
        }
    }
    if (pending) {
        lines.flush();
    }
    put_content_fields(content, from.edits, out);
    if (from.edits != nullptr && head.status >= 200) {
        has_server |= from.edits->drops("server");
        has_request_id |= from.edits->drops("x-request-id");
        out.put(from.edits->lines(), from.extra_fields);
    }
    if (head.status >= 200 && !has_date) {
        out.put("Date: ", from.date, "\r\n");
    }
    if (head.status >= 200 && !has_server) {
        out.put("Server: shore\r\n");
    }
    if (head.status >= 200 && !has_request_id) {
        out.put("X-Request-Id: ", from.request_id, "\r\n");
    }
    if (head.status >= 200) {
        out.put(from.added);
    }
    if (!from.cache_status.empty()) {
        out.put("Cache-Status: shore; ", from.cache_status, "\r\n");
    }
    if (from.chunked) {
        out.put("Transfer-Encoding: chunked\r\n");
    }
    if (from.upgrade) {
        put_upgrade(from.data, head, out);
    } else if (from.close) {
        out.put("Connection: close\r\n");
    } else if (from.keep_alive_told) {
        out.put("Connection: keep-alive\r\n");
    }
    out.put("\r\n");
    return static_cast<size_t>(out.at - begin);
}

}  // namespace shore::gateway

#include "wire/field.h"

#include <array>

#include "wire/ascii.h"

namespace shore::wire {

namespace {

constexpr std::array<std::string_view, kFieldIdCount> kNames = {
    "",
    "Accept",
    "Accept-Encoding",
    "Accept-Ranges",
    "Age",
    "Authorization",
    "Cache-Control",
    "Client-Cert",
    "Client-Cert-Chain",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Cookie",
    "Date",
    "ETag",
    "Expect",
    "Expires",
    "Forwarded",
    "Host",
    "HTTP2-Settings",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Max-Forwards",
    "Origin",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "Referrer-Policy",
    "Retry-After",
    "Sec-Fetch-Site",
    "Server",
    "Set-Cookie",
    "TE",
    "Traceparent",
    "Tracestate",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Content-Type-Options",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Frame-Options",
    "X-Real-IP",
    "X-Request-Id",
};

// Open addressing over a table four times the number of names: nearly every lookup is one probe.
constexpr size_t kSlots = 256;

constexpr size_t slot_of(std::string_view name) {
    const auto first = static_cast<unsigned char>(lower(name.front()));
    const auto last = static_cast<unsigned char>(lower(name.back()));
    const auto middle = static_cast<unsigned char>(lower(name[name.size() / 2]));
    return (name.size() * 31 + first * 7 + last * 3 + middle * 13) % kSlots;
}

constexpr std::array<uint8_t, kSlots> make_table() {
    std::array<uint8_t, kSlots> table{};
    for (size_t id = 1; id < kNames.size(); ++id) {
        size_t slot = slot_of(kNames[id]);
        while (table[slot] != 0) {
            slot = (slot + 1) % kSlots;
        }
        table[slot] = static_cast<uint8_t>(id);
    }
    return table;
}

constexpr std::array<uint8_t, kSlots> kTable = make_table();

}  // namespace

FieldId field_id(std::string_view name) {
    if (name.empty()) {
        return FieldId::kOther;
    }
    for (size_t slot = slot_of(name); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
        if (equals_lower_case(name, kNames[kTable[slot]])) {
            return static_cast<FieldId>(kTable[slot]);
        }
    }
    return FieldId::kOther;
}

std::string_view field_name(FieldId id) {
    return kNames[static_cast<size_t>(id)];
}

bool is_hop_by_hop(FieldId id) {
    switch (id) {
        case FieldId::kConnection:
        case FieldId::kKeepAlive:
        case FieldId::kProxyConnection:
        case FieldId::kProxyAuthenticate:
        case FieldId::kProxyAuthorization:
        case FieldId::kTe:
        case FieldId::kTransferEncoding:
        case FieldId::kUpgrade:
        case FieldId::kHttp2Settings:
            return true;
        default:
            return false;
    }
}

bool is_forbidden_in_trailer(FieldId id) {
    switch (id) {
        case FieldId::kOther:
        case FieldId::kEtag:
        case FieldId::kDate:
        case FieldId::kExpires:
        case FieldId::kVia:
            return false;
        default:
            return true;
    }
}

}  // namespace shore::wire

// FieldId: the HTTP field names that Shore itself acts on, found once while parsing, so that
// everything after the parser compares small integers and never text.
#pragma once

#include <cstdint>
#include <string_view>

namespace shore::wire {

enum class FieldId : uint8_t {
    kOther,
    kAccept,
    kAcceptEncoding,
    kAcceptRanges,
    kAge,
    kAuthorization,
    kCacheControl,
    kClientCert,
    kClientCertChain,
    kConnection,
    kContentDisposition,
    kContentEncoding,
    kContentLength,
    kContentRange,
    kContentSecurityPolicy,
    kContentType,
    kCookie,
    kDate,
    kEtag,
    kExpect,
    kExpires,
    kForwarded,
    kHost,
    kHttp2Settings,
    kIfMatch,
    kIfModifiedSince,
    kIfNoneMatch,
    kIfRange,
    kIfUnmodifiedSince,
    kKeepAlive,
    kLastModified,
    kLocation,
    kMaxForwards,
    kOrigin,
    kProxyAuthenticate,
    kProxyAuthorization,
    kProxyConnection,
    kRange,
    kReferer,
    kReferrerPolicy,
    kRetryAfter,
    kSecFetchSite,
    kServer,
    kSetCookie,
    kTe,
    kTraceparent,
    kTracestate,
    kTrailer,
    kTransferEncoding,
    kUpgrade,
    kUserAgent,
    kVary,
    kVia,
    kWwwAuthenticate,
    kXContentTypeOptions,
    kXForwardedFor,
    kXForwardedHost,
    kXForwardedPort,
    kXForwardedPrefix,
    kXForwardedProto,
    kXFrameOptions,
    kXRealIp,
    kXRequestId,
};

inline constexpr size_t kFieldIdCount = static_cast<size_t>(FieldId::kXRequestId) + 1;

/// The id of a field name, whatever its case; kOther when Shore does not act on it. No allocation.
FieldId field_id(std::string_view name);
/// The canonical spelling ("Content-Length"); empty for kOther.
std::string_view field_name(FieldId id);

/// True for fields that describe one connection and are never passed on (RFC 9110 section 7.6.1).
/// Connection, Upgrade and TE are among them: whoever forwards writes its own.
bool is_hop_by_hop(FieldId id);
/// True for fields that must not stand in a trailer section (RFC 9110 section 6.5.1): framing,
/// routing, authentication, request modifiers and content handling.
bool is_forbidden_in_trailer(FieldId id);

}  // namespace shore::wire

// Strict parser of HTTP/1.1 message heads (RFC 9112), for requests and responses.
//
// It works over one contiguous buffer that the caller owns and may move or grow between calls:
// everything it finds is kept as offsets. It is incremental (a byte is scanned once, however the
// bytes arrive), allocates nothing, opens nothing and answers with plain enums. What two readers
// could understand differently is refused, never repaired: that is the whole defence against
// request smuggling.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "wire/field.h"
#include "wire/limits.h"

namespace shore::wire {

enum class ParseStatus : uint8_t { kDone, kMore, kBad };

/// Why a message was refused. `to_string` gives a sentence for logs and pages, `status_for` the
/// answer to a request.
enum class Fault : uint8_t {
    kNone,
    kBareLineFeed,
    kBareCarriageReturn,
    kControlByte,
    kFoldedLine,
    kSpaceBeforeColon,
    kNoColon,
    kBadFieldName,
    kHeadTooLarge,
    kTargetTooLong,
    kTooManyFields,
    kBadRequestLine,
    kBadMethod,
    kBadTarget,
    kBadVersion,
    kUnsupportedVersion,
    kBadStatusLine,
    kNoHost,
    kManyHosts,
    kBadHost,
    kBadContentLength,
    kManyContentLengths,
    kLengthAndEncoding,
    kBadTransferEncoding,
    kUnsupportedTransferEncoding,
    kEncodingInOldVersion,
    kUnknownExpectation,
    kBadChunkSize,
    kBadChunkExtension,
    kBadChunkEnd,
    kBadTrailer,
    kTrailerTooLarge,
};

std::string_view to_string(Fault fault);
/// The status that answers a request with this fault: 400, 414, 417, 431, 501 or 505.
uint16_t status_for(Fault fault);

/// A part of the buffer that was parsed, counted from the first byte given to the parser.
struct Slice {
    uint32_t offset = 0;
    uint32_t length = 0;

    std::string_view in(const char* data) const { return {data + offset, length}; }
    bool empty() const { return length == 0; }
};

struct Field {
    Slice name;
    Slice value;  ///< Without white space at its ends.
    FieldId id = FieldId::kOther;
};

/// How the body after the head is delimited (RFC 9112 section 6.3).
enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

enum class Method : uint8_t {
    kOther,
    kGet,
    kHead,
    kPost,
    kPut,
    kDelete,
    kOptions,
    kTrace,
    kPatch,
    kConnect
};

/// RFC 9110 section 9.2.2: may be sent again when the answer was lost.
constexpr bool is_idempotent(Method method) {
    return method == Method::kGet || method == Method::kHead || method == Method::kPut ||
           method == Method::kDelete || method == Method::kOptions || method == Method::kTrace;
}

/// What request and response heads share. 5 KiB: keep it in pooled objects. `clear()` before each
/// message.
struct Head {
    Head() = default;
    Head(const Head&) = delete;
    Head& operator=(const Head&) = delete;

    uint32_t size = 0;  ///< Bytes up to and including the empty line. Valid when done.
    Fault fault = Fault::kNone;
    uint8_t minor_version = 1;
    Framing framing = Framing::kNone;
    uint64_t content_length =
        0;  ///< With kLength; and with kNone what Content-Length said (HEAD, 304).
    bool has_content_length = false;
    bool keep_alive = true;  ///< RFC 9112 section 9.3: version and Connection options together.
    bool connection_upgrade = false;  ///< Connection lists "upgrade".
    bool connection_names_fields =
        false;  ///< Connection lists other names: those fields must not be passed on.
    bool has_upgrade = false;
    bool has_underscore_name =
        false;  ///< Some field name has '_': apps may read it as '-' (CGI, WSGI, Rack).

    uint32_t field_count = 0;
    std::array<Field, kFieldsMax> fields;

    /// The first field of that id, or nullptr.
    const Field* find(FieldId id) const;

    // Progress of the parser between calls.
    uint32_t line_offset = 0;
    uint32_t scan_offset = 0;
    bool in_fields = false;
    uint8_t transfer_encodings = 0;

    void clear();
};

struct RequestHead : Head {
    Slice method_text;
    Method method = Method::kOther;
    Slice target;
    TargetForm form = TargetForm::kOrigin;
    /// Host and optional port: of the target when it is in absolute form (RFC 9112 section 3.2.2),
    /// else of Host.
    Slice authority;
    Slice path;   ///< Origin form without the query; "/" is implied when the absolute form has none
                  ///< (empty slice).
    Slice query;  ///< With its '?'; may be empty.
    bool expect_continue = false;

    void clear();
};

struct ResponseHead : Head {
    uint16_t status = 0;
    Slice reason;

    void clear();
};

struct HeadLimits {
    uint32_t bytes_max = 32 * 1024;  ///< At most kHeadBytesMax.
    uint32_t fields_max = 100;       ///< At most kFieldsMax.
};

/// Parses a request head from data[0, size). kMore: call again with the same bytes and more behind
/// them. kBad: see head.fault; the connection must be closed after the answer. One empty line
/// before the head is skipped.
ParseStatus parse_request(const char* data, size_t size, const HeadLimits& limits,
                          RequestHead& head);

/// Parses a response head. `request` is the method that was sent: it decides whether a body
/// follows. Interim responses (1xx) are reported like any other, with framing kNone.
ParseStatus parse_response(const char* data, size_t size, const HeadLimits& limits, Method request,
                           ResponseHead& head);

/// The method of a token; names are case-sensitive (RFC 9110 section 9.1).
Method method_of(std::string_view token);

/// True when the comma-separated `list` has `token`, whatever its case.
bool list_has(std::string_view list, std::string_view token);

}  // namespace shore::wire

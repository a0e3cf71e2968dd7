#include "gateway/static_file.h"

#include <optional>

#include "base/clock.h"
#include "os/beneath.h"
#include "wire/ascii.h"
#include "wire/byte_range.h"
#include "wire/uri.h"

namespace shore::gateway {

using os::OpenOutcome;
using wire::FieldId;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// True when some segment begins with a dot; "/.well-known" as the first one is public.
bool is_hidden(std::string_view path) {
    if (path.starts_with("/.well-known/")) {
        path.remove_prefix(std::string_view("/.well-known").size());
    }
    return path.find("/.") != std::string_view::npos;
}

FileFound find_file(const FileSource& source, const FileRequest& request) {
    if (is_hidden(request.path)) {
        return {};
    }
    FileStore::Query query{.spec = &source.spec,
                           .policy = &source.policy,
                           .name = request.path.substr(1),
                           .compress = source.compress,
                           .whole = request.range.empty()};
    query.weights.of[0] = 1;
    if (!request.accept_encoding.empty()) {
        query.weights = accepted_codings(request.accept_encoding);
    }
    std::string index;
    const bool wants_directory = request.path.ends_with('/');
    if (wants_directory) {
        index = fmt::format("{}{}", query.name, source.spec.index);
        query.name = index;
    }
    FileFound found = source.store.find(query, source.now);
    if (found.outcome == OpenOutcome::kOpened && found.is_directory && wants_directory) {
        found = {};  // A directory of the index's name.
    }
    if (found.outcome == OpenOutcome::kNotFound && !source.spec.fallback.empty()) {
        query.name = source.spec.fallback;
        found = source.store.find(query, source.now);
        if (found.is_directory) {
            found = {};
        }
    }
    return found;
}

/// RFC 9110 section 8.8.3.2: weak comparison ignores the mark, strong one refuses it.
enum class Comparison : uint8_t { kWeak, kStrong };
bool tag_matches(std::string_view list, std::string_view tag, Comparison comparison) {
    if (wire::trim_ows(list) == "*") {
        return true;
    }
    std::string_view item;
    while (wire::next_list_item(list, item)) {
        if (item.starts_with("W/")) {
            if (comparison == Comparison::kStrong) {
                continue;
            }
            item.remove_prefix(2);
        }
        if (item ==
            (tag.starts_with("W/") && comparison == Comparison::kWeak ? tag.substr(2) : tag)) {
            return true;
        }
    }
    return false;
}

std::optional<int64_t> seconds_of(std::string_view date) {
    const auto time = base::parse_http_date(date);
    if (!time) {
        return std::nullopt;
    }
    return std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
}

/// RFC 9110 section 13.2.2: 200 to go on, 304 or 412 otherwise.
uint16_t check_conditions(const FileRequest& request, std::string_view tag, int64_t modified) {
    if (!request.if_match.empty()) {
        if (!tag_matches(request.if_match, tag, Comparison::kStrong)) {
            return 412;
        }
    } else if (!request.if_unmodified_since.empty()) {
        const auto since = seconds_of(request.if_unmodified_since);
        if (since && modified > *since) {
            return 412;
        }
    }
    if (!request.if_none_match.empty()) {
        return tag_matches(request.if_none_match, tag, Comparison::kWeak) ? 304 : 200;
    }
    if (!request.if_modified_since.empty()) {
        const auto since = seconds_of(request.if_modified_since);
        if (since && modified <= *since) {
            return 304;
        }
    }
    return 200;
}

/// RFC 9110 section 13.1.5: a range is only good for the very same file.
bool range_applies(const FileRequest& request, std::string_view tag, int64_t modified) {
    if (request.range.empty()) {
        return false;
    }
    if (request.if_range.empty()) {
        return true;
    }
    if (request.if_range.starts_with('"')) {
        return request.if_range == tag;
    }
    const auto since = seconds_of(request.if_range);
    return since && *since == modified;
}

uint16_t status_of(OpenOutcome outcome) {
    switch (outcome) {
        case OpenOutcome::kForbidden:
            return 403;
        case OpenOutcome::kExhausted:
            return 503;
        case OpenOutcome::kFailed:
            return 500;
        default:
            return 404;
    }
}

FileAnswer redirect_to_directory(const FileRequest& request) {
    FileAnswer answer{.status = 301};
    // From the normal form, whose slashes are single: "//host" would lead to another site.
    answer.own_lines =
        fmt::format("Location: {}/{}\r\nContent-Length: 0\r\n",
                    wire::percent_encode(request.outer, wire::Slash::kKeep), request.query);
    return answer;
}

/// Makes a 200 the answer to a request for a range.
void take_range(std::string_view range, FileAnswer& answer) {
    const FileBody& body = *answer.body;
    const wire::ByteRange part = wire::parse_byte_range(range, body.size);
    switch (part.outcome) {
        case wire::RangeOutcome::kWhole:
            break;
        case wire::RangeOutcome::kPart:
            answer.status = 206;
            answer.offset = part.first;
            answer.length = part.count;
            answer.own_lines = fmt::format(
                "Content-Type: {}\r\n{}Content-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n",
                body.type, body.shared_lines, answer.offset, answer.offset + answer.length - 1,
                body.size, answer.length);
            break;
        case wire::RangeOutcome::kUnsatisfiable:
            answer.status = 416;
            answer.length = 0;
            answer.own_lines =
                fmt::format("Content-Range: bytes */{}\r\nContent-Length: 0\r\n", body.size);
            break;
    }
}

}  // namespace

void FileRequest::take_fields(const char* data, const wire::RequestHead& head) {
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const std::string_view value = head.fields[i].value.in(data);
        switch (head.fields[i].id) {
            case FieldId::kAcceptEncoding:
                accept_encoding = value;
                break;
            case FieldId::kIfMatch:
                if_match = value;
                break;
            case FieldId::kIfNoneMatch:
                if_none_match = value;
                break;
            case FieldId::kIfModifiedSince:
                if_modified_since = value;
                break;
            case FieldId::kIfUnmodifiedSince:
                if_unmodified_since = value;
                break;
            case FieldId::kRange:
                range = value;
                break;
            case FieldId::kIfRange:
                if_range = value;
                break;
            default:
                break;
        }
    }
}

FileAnswer answer_file(const FileSource& source, const FileRequest& request) {
    if (request.method != wire::Method::kGet && request.method != wire::Method::kHead) {
        return {.status = 405};
    }
    FileFound found = find_file(source, request);
    if (found.is_directory) {
        return redirect_to_directory(request);
    }
    if (found.outcome != OpenOutcome::kOpened) {
        return {.status = status_of(found.outcome)};
    }
    const FileBody& body = *found.body;
    const int64_t modified = body.modified_ns / kSecond;
    FileAnswer answer{.status = check_conditions(request, body.tag, modified),
                      .body = std::move(found.body),
                      .length = body.size};
    if (answer.status == 304) {
        answer.length = 0;
    } else if (answer.status == 412) {
        answer.length = 0;
        answer.own_lines = "Content-Length: 0\r\n";
    } else if (request.method == wire::Method::kGet && range_applies(request, body.tag, modified)) {
        take_range(request.range, answer);
    }
    return answer;
}

std::string_view file_reason(uint16_t status) {
    switch (status) {
        case 200:
            return "OK";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 304:
            return "Not Modified";
        case 412:
            return "Precondition Failed";
        case 416:
            return "Range Not Satisfiable";
        default:
            return "Error";
    }
}

}  // namespace shore::gateway

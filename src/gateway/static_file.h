// Static files: from a request to a body of the file store and the head that describes it; whoever
// calls sends the head and then `length` bytes from `offset`.
//
// Conditional requests follow RFC 9110 section 13, ranges section 14. A request for several ranges
// gets the whole file, as section 14.2 allows: no usual client needs more than one, and many small
// ranges are a known way to make servers work. Names that begin with a dot are not served, except
// /.well-known (RFC 8615): they are .env and .git far more often than something public.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/file_store.h"
#include "model/service_spec.h"
#include "wire/http1_head.h"

namespace shore::gateway {

/// What a request says about a file. Views of the request; empty: the field is absent.
struct FileRequest {
    wire::Method method = wire::Method::kGet;
    std::string_view path;   ///< Below the root, normalised and decoded: begins with '/'.
    std::string_view outer;  ///< As the client sees it, normalised and decoded: for redirects.
    std::string_view query;  ///< With its '?'.
    std::string_view accept_encoding;
    std::string_view if_match;
    std::string_view if_none_match;
    std::string_view if_modified_since;
    std::string_view if_unmodified_since;
    std::string_view range;
    std::string_view if_range;

    /// Takes the conditional fields of a parsed head.
    void take_fields(const char* data, const wire::RequestHead& head);
};

struct FileAnswer {
    /// 200, 206, 301, 304, 403, 404, 405, 412, 416, 500 or 503. From 403 on, 412 and 416 apart,
    /// nothing else is set and the caller answers with its own page (405 needs Allow: GET, HEAD).
    uint16_t status = 404;
    FileBodyPointer body;  ///< With 200, 206 and 304.
    uint64_t offset = 0;   ///< Of the first byte to send.
    uint64_t length = 0;   ///< Bytes to send (for HEAD: that would be sent).
    /// Lines of the head from Content-Type to Content-Length, each with its CRLF; a whole body's
    /// are ready-made.
    std::string own_lines;
    std::string_view lines() const {
        return status == 200   ? std::string_view(body->whole_lines)
               : status == 304 ? std::string_view(body->shared_lines)
                               : std::string_view(own_lines);
    }
};

/// Where files come from.
struct FileSource {
    FileStore& store;
    const model::StaticFiles& spec;
    const ContentPolicy& policy;
    bool compress = true;  ///< The route's option.
    SteadyTime now;
};

/// Answers from the files of the source. Blocks for as long as the file system takes when it must
/// look at the disk.
FileAnswer answer_file(const FileSource& source, const FileRequest& request);

/// The reason phrase of the statuses above.
std::string_view file_reason(uint16_t status);

}  // namespace shore::gateway

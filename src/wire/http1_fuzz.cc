// Fuzz target: the bytes are a client's stream of requests (first byte even) or a server's stream
// of responses. What is parsed at once must be parsed the same when it comes in pieces, and no
// slice may leave the bytes.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "wire/http1_body.h"
#include "wire/http1_head.h"

namespace shore::wire {
namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void check_slices(const Head& head, size_t size) {
    require(head.size <= size);
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const Field& field = head.fields[i];
        require(field.name.offset + field.name.length <= head.size);
        require(field.value.offset + field.value.length <= head.size);
        require(field.name.length > 0);
    }
}

ParseStatus parse(bool request, const char* data, size_t size, RequestHead& a, ResponseHead& b) {
    return request ? parse_request(data, size, {}, a)
                   : parse_response(data, size, {}, Method::kGet, b);
}

/// Runs the filter whole and in pieces; both must agree. Returns the bytes of the body, or 0 when
/// it did not end.
size_t check_chunked(std::string_view bytes, size_t piece) {
    std::string whole(bytes);
    ChunkedFilter filter;
    filter.start(ChunkedOutput::kFramed);
    const ChunkedFilter::Step step = filter.run(whole.data(), whole.size());
    require(step.produced <= step.consumed && step.consumed <= bytes.size());

    ChunkedFilter slow;
    slow.start(ChunkedOutput::kFramed);
    std::string output;
    std::string buffer;
    size_t given = 0;
    ParseStatus status = ParseStatus::kMore;
    while (status == ParseStatus::kMore && given < bytes.size()) {
        const size_t count = std::min(piece, bytes.size() - given);
        buffer += bytes.substr(given, count);
        given += count;
        const ChunkedFilter::Step part = slow.run(buffer.data(), buffer.size());
        output += buffer.substr(0, part.produced);
        buffer.erase(0, part.consumed);
        status = part.status;
    }
    require(bytes.empty() || status == step.status);
    if (step.status != ParseStatus::kBad) {
        require(output == std::string_view(whole).substr(0, step.produced));
    }
    if (step.status != ParseStatus::kDone) {
        return 0;
    }
    // The canonical form is accepted and stays as it is.
    ChunkedFilter again;
    again.start(ChunkedOutput::kFramed);
    const ChunkedFilter::Step second = again.run(output.data(), output.size());
    require(second.status == ParseStatus::kDone && second.produced == output.size());
    return step.consumed;
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    using namespace shore::wire;  // tidy-allow(banned): a C entry point.
    if (size < 2) {
        return 0;
    }
    const bool request = input[0] % 2 == 0;
    const size_t piece = size_t{input[1]} % 13 + 1;
    std::string_view bytes(reinterpret_cast<const char*>(input) + 2, size - 2);
    static RequestHead request_head;
    static ResponseHead response_head;
    static RequestHead slow_request;
    static ResponseHead slow_response;
    while (!bytes.empty()) {
        request_head.clear();
        response_head.clear();
        const ParseStatus status =
            parse(request, bytes.data(), bytes.size(), request_head, response_head);
        Head& head = request ? static_cast<Head&>(request_head) : response_head;

        slow_request.clear();
        slow_response.clear();
        ParseStatus slow = ParseStatus::kMore;
        for (size_t given = std::min(piece, bytes.size()); slow == ParseStatus::kMore;) {
            slow = parse(request, bytes.data(), given, slow_request, slow_response);
            if (given == bytes.size()) {
                break;
            }
            given = std::min(given + piece, bytes.size());
        }
        const Head& slow_head = request ? static_cast<Head&>(slow_request) : slow_response;
        require(slow == status && slow_head.size == head.size &&
                slow_head.framing == head.framing && slow_head.fault == head.fault &&
                slow_head.content_length == head.content_length);
        if (status != ParseStatus::kDone) {
            break;
        }
        check_slices(head, bytes.size());
        bytes.remove_prefix(head.size);
        if (head.framing == Framing::kLength) {
            bytes.remove_prefix(std::min<uint64_t>(head.content_length, bytes.size()));
        } else if (head.framing == Framing::kChunked) {
            const size_t body = check_chunked(bytes, piece);
            if (body == 0) {
                break;
            }
            bytes.remove_prefix(body);
        }
    }
    return 0;
}

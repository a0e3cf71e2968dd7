// Fuzz target: bytes as a client's commands and as a server's replies. Where frames end must not
// depend on how the bytes arrive; a frame that was found must be what the value parser reads, and a
// command must be split and written again as the same.
#include <cstdlib>
#include <string>

#include "wire/resp.h"

namespace {

using namespace shore::wire;  // tidy-allow(banned): a C entry point.

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// Ends of the frames, and how the scan ended: -1 bad.
template <class Scanner>
std::vector<int64_t> ends(std::string_view text, size_t piece) {
    Scanner scanner;
    std::vector<int64_t> found;
    for (size_t at = 0; at < text.size();) {
        const size_t size = std::min(piece, text.size() - at);
        const RespStep step = scanner.feed(text.data() + at, size);
        require(step.used <= size);
        at += step.used;
        if (step.status == RespStatus::kBad) {
            found.push_back(-1);
            return found;
        }
        require(step.status == RespStatus::kDone || step.used == size);
        require(scanner.at_boundary() == (step.status == RespStatus::kDone));
        if (step.status == RespStatus::kDone) {
            found.push_back(static_cast<int64_t>(at));
        }
    }
    return found;
}

template <class Scanner>
std::vector<int64_t> check(std::string_view text) {
    const auto whole = ends<Scanner>(text, text.size());
    for (const size_t piece : {1, 2, 3, 7, 61}) {
        require(ends<Scanner>(text, piece) == whole);
    }
    return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(input), size);
    size_t begin = 0;
    for (const int64_t end : check<ReplyScanner>(text)) {
        if (end > 0) {
            (void)parse_reply(text.substr(begin, static_cast<size_t>(end) - begin));
            begin = static_cast<size_t>(end);
        }
    }
    begin = 0;
    for (const int64_t end : check<RequestScanner>(text)) {
        if (end < 0) {
            break;
        }
        const std::string_view command = text.substr(begin, static_cast<size_t>(end) - begin);
        begin = static_cast<size_t>(end);
        const auto parts = resp_parts(command);
        std::string written;
        append_command(written, parts);
        require(resp_parts(written) == parts);
    }
    return 0;
}

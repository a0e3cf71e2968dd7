// Server-sent events in pieces: however the bytes are cut, the events are the same, and an event
// that is written reads as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "net/sse.h"

namespace shore::net {
namespace {

std::vector<SseEvent> read(std::string_view bytes, size_t piece) {
    SseReader reader;
    std::vector<SseEvent> events;
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        if (!reader.feed(part)) {
            break;
        }
        while (auto event = reader.next()) {
            events.push_back(std::move(*event));
        }
    }
    return events;
}

void check(std::string_view bytes) {
    if (bytes.empty()) {
        return;
    }
    const size_t piece = static_cast<unsigned char>(bytes[0]) % 7 + 1;
    bytes.remove_prefix(1);
    const std::vector<SseEvent> events = read(bytes, std::max<size_t>(bytes.size(), 1));
    SHORE_ASSERT(read(bytes, piece) == events);
    for (const SseEvent& event : events) {
        const std::vector<SseEvent> again = read(to_text(event), 4096);
        SHORE_ASSERT(again.size() == 1 && again[0].data == event.data);
    }
}

}  // namespace
}  // namespace shore::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::net::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

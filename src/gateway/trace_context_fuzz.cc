// traceparent with any bytes in a request: what is sent on is valid, of version 00, and keeps the
// trace of a valid one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "gateway/trace_context.h"

namespace shore::gateway {
namespace {

void check(std::string_view value) {
    const std::string text =
        "GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " + std::string(value) + "\r\n\r\n";
    static wire::RequestHead head;
    head.clear();
    if (wire::parse_request(text.data(), text.size(), {}, head) != wire::ParseStatus::kDone) {
        return;
    }
    base::Random random(7);
    TraceContext trace;
    trace.choose(text.data(), head, random);
    SHORE_ASSERT(is_traceparent(trace.text()) && trace.text().starts_with("00-"));
    if (trace.continued()) {
        SHORE_ASSERT(text.contains(trace.trace_id()));
    }
}

}  // namespace
}  // namespace shore::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::gateway::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}

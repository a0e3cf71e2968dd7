// TraceContext: the traceparent of a request as it is sent on (W3C Trace Context level 1, sections
// 3.2 and 4.3): the trace that the client began with a span of our own, or a trace that begins
// here. Pure; nothing is allocated.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "wire/http1_head.h"

namespace shore::gateway {

class TraceContext final {
 public:
    /// "00-TRACE ID-PARENT ID-FLAGS".
    static constexpr size_t kLength = 55;

    void clear() { set_ = continued_ = false; }
    /// Continues what the request says; begins a trace when it says nothing, or nothing valid.
    void choose(const char* data, const wire::RequestHead& head, base::Random& random);

    /// What the app gets; empty before choose().
    std::string_view text() const { return {text_.data(), set_ ? kLength : 0}; }
    std::string_view trace_id() const { return text().substr(set_ ? 3 : 0, 32); }
    /// Of the gateway: the app's parent.
    std::string_view span_id() const { return text().substr(set_ ? 36 : 0, 16); }
    /// False: the request's tracestate belongs to no trace and is not passed on (section 4.3).
    bool continued() const { return continued_; }

 private:
    std::array<char, kLength> text_;
    bool set_ = false;
    bool continued_ = false;
};

/// Whether `text` is a traceparent that can be continued: also one of a later version, of which the
/// fields of version 00 count (section 4.1).
bool is_traceparent(std::string_view text);

}  // namespace shore::gateway

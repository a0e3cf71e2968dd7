#include "gateway/trace_context.h"

#include <algorithm>

namespace shore::gateway {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr size_t kTraceId = 3;
constexpr size_t kParentId = 36;
constexpr size_t kFlags = 53;

bool is_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
}

void write_hex(uint64_t bits, char* out) {
    for (size_t i = 0; i < 16; ++i, bits >>= 4U) {
        out[i] = kDigits[bits & 15U];
    }
}

/// Never 0, which stands for "none".
uint64_t id_of(base::Random& random) {
    return random.next() | 1U;
}

}  // namespace

bool is_traceparent(std::string_view text) {
    if (text.size() < TraceContext::kLength || text[2] != '-' || text[kParentId - 1] != '-' ||
        text[kFlags - 1] != '-') {
        return false;
    }
    const std::string_view version = text.substr(0, 2);
    const bool sized = text.size() == TraceContext::kLength ||
                       (version != "00" && text[TraceContext::kLength] == '-');
    const std::string_view trace_id = text.substr(kTraceId, 32);
    const std::string_view parent_id = text.substr(kParentId, 16);
    return sized && version != "ff" && is_hex(version) && is_hex(trace_id) && is_hex(parent_id) &&
           is_hex(text.substr(kFlags, 2)) && !is_zero(trace_id) && !is_zero(parent_id);
}

void TraceContext::choose(const char* data, const wire::RequestHead& head, base::Random& random) {
    std::string_view given;
    size_t count = 0;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id == wire::FieldId::kTraceparent) {
            given = head.fields[i].value.in(data);
            ++count;
        }
    }
    set_ = true;
    continued_ = count == 1 && is_traceparent(given);
    std::string_view("00-").copy(text_.data(), 3);
    text_[kParentId - 1] = text_[kFlags - 1] = '-';
    text_[kFlags] = '0';
    text_[kFlags + 1] = '1';
    if (continued_) {
        given.copy(text_.data() + kTraceId, 32, kTraceId);
        // Of the flags only "sampled" has a meaning in version 00 (section 3.2.2.5).
        text_[kFlags + 1] = kDigits.find(given[kFlags + 1]) % 2 == 0 ? '0' : '1';
    } else {
        write_hex(id_of(random), text_.data() + kTraceId);
        write_hex(random.next(), text_.data() + kTraceId + 16);
    }
    write_hex(id_of(random), text_.data() + kParentId);
}

}  // namespace shore::gateway

// AccessLogOptions: whether the gateway writes a line for each request of a stack, and which fields
// the line has (x-shore.gateway.access_log).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace shore::model {

/// In the order in which they stand in a line.
enum class LogField : uint8_t {
    kTime,
    kClient,
    kMethod,
    kProtocol,
    kScheme,
    kHost,
    kPath,
    kUserAgent,
    kReferer,
    kStatus,
    kBytesIn,
    kBytesOut,
    kDurationMs,
    kTries,
    kStack,
    kService,
    kRoute,
    kInstance,
    kRequestId,
    kTraceId,
    kSpanId,
};

inline constexpr std::array<std::string_view, 21> kLogFieldNames = {
    "time",       "client",  "method", "protocol", "scheme",     "host",        "path",
    "user_agent", "referer", "status", "bytes_in", "bytes_out",  "duration_ms", "tries",
    "stack",      "service", "route",  "instance", "request_id", "trace_id",    "span_id"};
static_assert(kLogFieldNames.size() == static_cast<size_t>(LogField::kSpanId) + 1);

inline constexpr uint32_t log_bit(LogField field) {
    return 1U << static_cast<uint32_t>(field);
}
/// All but scheme, route and span_id, which the others mostly tell.
inline constexpr uint32_t kDefaultLogFields =
    ((1U << kLogFieldNames.size()) - 1) & ~log_bit(LogField::kScheme) & ~log_bit(LogField::kRoute) &
    ~log_bit(LogField::kSpanId);

/// Nothing for a name that no field has.
inline std::optional<LogField> log_field(std::string_view name) {
    for (size_t i = 0; i < kLogFieldNames.size(); ++i) {
        if (kLogFieldNames[i] == name) {
            return static_cast<LogField>(i);
        }
    }
    return std::nullopt;
}

struct AccessLogOptions {
    bool enabled = true;
    uint32_t fields = kDefaultLogFields;  ///< Bits of LogField.
    bool has(LogField field) const { return (fields & log_bit(field)) != 0; }
    friend bool operator==(const AccessLogOptions&, const AccessLogOptions&) = default;
};

}  // namespace shore::model

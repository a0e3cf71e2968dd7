// One access log line per exchange: JSON, appended to the loop's buffer.
#include <algorithm>
#include <iterator>

#include "base/strings.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"

namespace shore::gateway {

namespace {

/// `text` inside a JSON string; bytes that are no UTF-8 as U+FFFD.
void append_escaped(std::string& out, std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text[i++];
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
            ++i;
        } else if (byte < 0x80) {
            out += text[i++];
        } else if (const size_t length = base::utf8_sequence(text.substr(i)); length > 0) {
            out += text.substr(i, length);
            i += length;
        } else {
            out += "\xef\xbf\xbd";
            ++i;
        }
    }
}

}  // namespace

/// Writes the fields that are wanted, in the order of model::LogField.
class LogLine final {
 public:
    LogLine(std::string& out, const model::AccessLogOptions& options)
        : out_(out), options_(options) {}
    void text(model::LogField field, std::string_view value) {
        if (begin(field)) {
            out_ += '"';
            append_escaped(out_, value.substr(0, kAccessLogTargetMax));
            out_ += '"';
        }
    }
    /// What belongs to a field and stands right behind it, or behind a later one.
    void beside(model::LogField field, std::string_view name, std::string_view value) {
        if (options_.has(field)) {
            out_ += ",\"";
            out_ += name;
            out_ += "\":\"";
            append_escaped(out_, value);
            out_ += '"';
        }
    }
    template <class Number>
    void number(model::LogField field, Number value) {
        if (begin(field)) {
            fmt::format_to(std::back_inserter(out_), "{}", value);
        }
    }
    void milliseconds(model::LogField field, Duration value) {
        if (begin(field)) {
            fmt::format_to(std::back_inserter(out_), "{:.3f}",
                           std::chrono::duration<double, std::milli>(value).count());
        }
    }
    /// Fields that another one wrote.
    void piece(std::string_view fields) {
        if (!fields.empty()) {
            out_ += first_ ? '{' : ',';
            out_ += fields.substr(1);
            first_ = false;
        }
    }
    void end() { out_ += first_ ? "{}\n" : "}\n"; }

 private:
    bool begin(model::LogField field) {
        if (!options_.has(field)) {
            return false;
        }
        out_ += first_ ? "{\"" : ",\"";
        first_ = false;
        out_ += model::kLogFieldNames[static_cast<size_t>(field)];
        out_ += "\":";
        return true;
    }

    std::string& out_;
    const model::AccessLogOptions& options_;
    bool first_ = true;
};

/// What the line says of the request's head; nothing when there is none.
void Exchange::log_request(LogLine& line) const {
    using enum model::LogField;
    if (!has_request_head()) {
        return;
    }
    const char* const data = (*request_)->filled();
    line.text(kMethod, head_.method_text.in(data));
    line.text(kProtocol, stream_ != nullptr         ? "HTTP/2.0"
                         : head_.minor_version == 0 ? "HTTP/1.0"
                                                    : "HTTP/1.1");
    line.text(kScheme, connection_->transport().is_secure() ? "https" : "http");
    line.text(kHost, head_.authority.in(data));
    line.text(kPath, head_.target.in(data));
    line.text(kUserAgent, sent_field(wire::FieldId::kUserAgent));
    line.text(kReferer, sent_field(wire::FieldId::kReferer));
}

/// Before the request's buffer is given back: a tunnel is logged when it ends.
void Exchange::keep_log_request() {
    if (shard_.current().snapshot().access_log && route_->spec->log.enabled) {
        LogLine line(log_head_, route_->spec->log);
        log_request(line);
    }
}

void Exchange::log_line() {
    using enum model::LogField;
    static constexpr model::AccessLogOptions kUnrouted;
    LogLine line(shard_.access_lines(), route_ != nullptr ? route_->spec->log : kUnrouted);
    line.text(kTime, shard_.timestamp());
    line.text(kClient, connection_->peer());
    if (!log_head_.empty()) {
        line.piece(log_head_);
    } else {
        log_request(line);
    }
    line.number(kStatus, status_);
    line.number(kBytesIn, body_bytes_);
    line.number(kBytesOut, sent_);
    line.milliseconds(kDurationMs, shard_.loop().now() - started_);
    line.number(kTries, tries_);
    if (route_ != nullptr) {
        line.text(kStack, route_->spec->stack);
        line.text(kService, route_->spec->service);
        line.text(kRoute, route_->spec->name);
    }
    if (!cache_status_.empty()) {
        line.beside(kStatus, "cache", cache_status_);
    }
    if (endpoint_) {
        line.text(kInstance, endpoint_->instance());
    }
    line.text(kRequestId, request_id());
    if (!trace_.text().empty()) {
        line.text(kTraceId, trace_.trace_id());
        line.text(kSpanId, trace_.span_id());
    }
    line.end();
    shard_.access_line_added();
}

}  // namespace shore::gateway

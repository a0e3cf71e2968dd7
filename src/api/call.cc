#include "api/call.h"

#include <charconv>

namespace shore::api {

const std::string* Arguments::find(std::string_view name) const {
    for (const auto& [key, value] : values_) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

std::string Arguments::text(std::string_view name) const {
    const std::string* value = find(name);
    return value == nullptr ? std::string() : *value;
}

std::optional<uint64_t> Arguments::integer(std::string_view name) const {
    const std::string* value = find(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    uint64_t number = 0;
    std::from_chars(value->data(), value->data() + value->size(), number);
    return number;
}

bool Arguments::flag(std::string_view name) const {
    const std::string* value = find(name);
    return value != nullptr && *value == "true";
}

std::optional<WallTime> Arguments::time(std::string_view name) const {
    const std::string* value = find(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto time = base::parse_rfc3339(*value);
    return time ? std::optional(*time) : std::nullopt;
}

std::vector<std::string> Arguments::list(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : values_) {
        if (key == name) {
            values.push_back(value);
        }
    }
    return values;
}

Reply Reply::of(const wire::Json& json, uint16_t status) {
    Reply reply;
    reply.status = status;
    reply.body = json.dump() + "\n";
    return reply;
}

Reply Reply::of_text(std::string text, uint16_t status) {
    Reply reply;
    reply.status = status;
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = std::move(text);
    return reply;
}

}  // namespace shore::api

#include "model/http_route.h"

#include <fmt/format.h>

namespace shore::model {

namespace {

void append_fields(std::string& text, std::string_view kind,
                   const std::vector<FieldCondition>& fields) {
    for (const FieldCondition& field : fields) {
        text += fmt::format(", {} {}", kind, field.name);
        if (!field.pattern.empty()) {
            text += "~" + field.pattern;
        } else if (!field.value.empty()) {
            text += "=" + field.value;
        }
    }
}

void append_list(std::string& text, std::string_view kind, const std::vector<std::string>& values) {
    std::string_view separator = " ";
    if (!values.empty()) {
        text += fmt::format(", {}", kind);
    }
    for (const std::string& value : values) {
        text += separator;
        text += value;
        separator = "|";
    }
}

}  // namespace

std::string describe_match(const HttpRoute& route, std::string_view host) {
    const RouteConditions& conditions = route.conditions;
    std::string text = host.empty() ? std::string("any host") : fmt::format("host {}", host);
    if (!conditions.path_exact.empty()) {
        text += ", exactly " + conditions.path_exact;
    } else if (!conditions.path_pattern.empty()) {
        text += ", path ~" + conditions.path_pattern;
    } else if (route.path_prefix != "/") {
        text += ", path " + route.path_prefix;
    }
    append_list(text, "method", conditions.methods);
    append_fields(text, "header", conditions.headers);
    append_fields(text, "query", conditions.query);
    append_list(text, "source", conditions.sources);
    return text;
}

}  // namespace shore::model

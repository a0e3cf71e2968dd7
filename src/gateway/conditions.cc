#include "gateway/conditions.h"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "wire/uri.h"

namespace shore::gateway {

using wire::FieldId;

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<AddressBytes> parse_address(std::string_view text) {
    const auto network = text.contains('/') ? std::nullopt : Network::parse(text);
    return network ? std::optional(network->prefix) : std::nullopt;
}

/// Calls `found` for each NAME=VALUE of a query until it says true.
template <class Found>
bool any_parameter(std::string_view query, Found found) {
    query.remove_prefix(query.starts_with('?') ? 1 : 0);
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        const size_t equals = part.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
        if (found(part.substr(0, equals), value)) {
            return true;
        }
    }
    return false;
}

bool is_encoded(std::string_view text) {
    return text.find_first_of("%+") != std::string_view::npos;
}

}  // namespace

AddressBytes client_address(const RequestView& request) {
    AddressBytes client = request.peer;
    const wire::RequestHead& head = *request.head;
    for (uint32_t i = head.field_count; i-- > 0;) {
        if (head.fields[i].id != FieldId::kXForwardedFor) {
            continue;
        }
        std::string_view list = head.fields[i].value.in(request.data);
        while (!list.empty()) {
            if (!contained(request.trusted, client)) {
                return client;
            }
            const size_t comma = list.rfind(',');
            const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
            const auto address = parse_address(trimmed(list.substr(begin)));
            if (!address) {
                return client;
            }
            client = *address;
            list = list.substr(0, begin == 0 ? 0 : comma);
        }
    }
    return client;
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
    std::optional<std::string_view> result;
    any_parameter(query, [&](std::string_view key, std::string_view value) {
        const bool same = key == name || (is_encoded(key) && wire::form_decode(key) == name);
        if (same) {
            result = value;
        }
        return same;
    });
    return result;
}

std::string_view cookie_value(const RequestView& request, std::string_view name) {
    const wire::RequestHead& head = *request.head;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id != FieldId::kCookie) {
            continue;
        }
        std::string_view list = head.fields[i].value.in(request.data);
        while (!list.empty()) {
            const std::string_view pair = trimmed(list.substr(0, list.find(';')));
            list.remove_prefix(std::min(list.size(), list.find(';') == std::string_view::npos
                                                         ? list.size()
                                                         : list.find(';') + 1));
            if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) {
                return pair.substr(name.size() + 1);
            }
        }
    }
    return {};
}

std::optional<std::string_view> header_value(const RequestView& request, std::string_view name) {
    if (name == "host") {
        return request.head->authority.in(request.data);
    }
    for (uint32_t i = 0; i < request.head->field_count; ++i) {
        const wire::Field& field = request.head->fields[i];
        if (base::equals_ignoring_case(field.name.in(request.data), name)) {
            return field.value.in(request.data);
        }
    }
    return std::nullopt;
}

bool Conditions::Field::holds(std::string_view text) const {
    return pattern ? pattern->matches(text) : value.empty() || value == text;
}

std::vector<Conditions::Field> Conditions::compile(
    const std::vector<model::FieldCondition>& fields) {
    std::vector<Field> compiled;
    for (const model::FieldCondition& field : fields) {
        compiled.push_back(
            {field.name, field.value,
             field.pattern.empty() ? std::nullopt : std::optional<Pattern>(field.pattern)});
    }
    return compiled;
}

std::unique_ptr<const Conditions> Conditions::compile(const model::RouteConditions& from) {
    if (from == model::RouteConditions()) {
        return nullptr;
    }
    return std::unique_ptr<const Conditions>(new Conditions(from));
}

Conditions::Conditions(const model::RouteConditions& from)
    : from_(from), headers_(compile(from.headers)), query_(compile(from.query)) {
    if (!from.path_pattern.empty()) {
        pattern_.emplace(from.path_pattern);
    }
    if (std::ranges::find(from_.methods, "GET") != from_.methods.end()) {
        from_.methods.emplace_back("HEAD");  // RFC 9110 section 9.3.2: as GET, without the content.
    }
    for (const std::string& text : from.sources) {
        if (const auto network = Network::parse(text)) {
            sources_.push_back(*network);
        }
    }
}

bool Conditions::header_holds(const Field& field, const RequestView& request) {
    const wire::RequestHead& head = *request.head;
    if (field.name == "host") {
        return field.holds(head.authority.in(request.data));
    }
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (base::equals_ignoring_case(head.fields[i].name.in(request.data), field.name) &&
            field.holds(head.fields[i].value.in(request.data))) {
            return true;
        }
    }
    return false;
}

bool Conditions::query_holds(const Field& field, std::string_view query) {
    return any_parameter(query, [&](std::string_view key, std::string_view value) {
        if (key != field.name && (!is_encoded(key) || wire::form_decode(key) != field.name)) {
            return false;
        }
        return is_encoded(value) ? field.holds(wire::form_decode(value).value_or(std::string()))
                                 : field.holds(value);
    });
}

size_t Conditions::first_unmet(const RequestView& request) const {
    size_t at = 0;
    if ((asks_exact() && request.path != from_.path_exact) ||
        (pattern_ && !pattern_->matches(request.path))) {
        return at;
    }
    ++at;
    if (!from_.methods.empty()) {
        const std::string_view method = request.head->method_text.in(request.data);
        if (std::ranges::find(from_.methods, method) == from_.methods.end()) {
            return at;
        }
    }
    for (const Field& field : headers_) {
        ++at;
        if (!header_holds(field, request)) {
            return at;
        }
    }
    for (const Field& field : query_) {
        ++at;
        if (!query_holds(field, request.head->query.in(request.data))) {
            return at;
        }
    }
    ++at;
    if (!from_.sources.empty() && !contained(sources_, client_address(request))) {
        return at;
    }
    return kAllMet;
}

std::string Conditions::unmet(const RequestView& request) const {
    size_t at = first_unmet(request);
    if (at == kAllMet) {
        return {};
    }
    if (at == 0) {
        return asks_exact() ? fmt::format("the path must be {}", from_.path_exact)
                            : fmt::format("the path must match {}", from_.path_pattern);
    }
    if (--at == 0) {
        return fmt::format("the method must be {}", base::join(from_.methods, " or "));
    }
    const auto wanted = [](std::string_view kind, const model::FieldCondition& field) {
        return !field.pattern.empty()
                   ? fmt::format("{} {} must match {}", kind, field.name, field.pattern)
               : !field.value.empty()
                   ? fmt::format("{} {} must be \"{}\"", kind, field.name, field.value)
                   : fmt::format("{} {} must be there", kind, field.name);
    };
    if (--at < headers_.size()) {
        return wanted("header", from_.headers[at]);
    }
    at -= headers_.size();
    if (at < query_.size()) {
        return wanted("query parameter", from_.query[at]);
    }
    return fmt::format("the client must be in {}", base::join(from_.sources, " or "));
}

}  // namespace shore::gateway

#include "api/router.h"

#include <charconv>

#include "api/limits.h"
#include "base/strings.h"
#include "wire/uri.h"

namespace shore::api {
namespace {

using PathValues = std::vector<std::pair<std::string_view, std::string>>;

Problem bad_request(std::string detail) {
    return Problem(400, "bad_request", std::move(detail));
}

/// The values of the parts in braces when `path` fits `pattern`.
std::optional<PathValues> match(std::string_view pattern, std::string_view path) {
    const auto wanted = base::split(pattern, '/');
    const auto given = base::split(path, '/');
    if (wanted.size() != given.size()) {
        return std::nullopt;
    }
    PathValues values;
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i].starts_with('{')) {
            if (wanted[i] != given[i]) {
                return std::nullopt;
            }
            continue;
        }
        auto value = wire::percent_decode(given[i]);
        if (!value || value->empty()) {
            return std::nullopt;
        }
        values.emplace_back(wanted[i].substr(1, wanted[i].size() - 2), std::move(*value));
    }
    return values;
}

struct Match {
    const Endpoint* endpoint = nullptr;
    PathValues values;
};

std::expected<Match, Problem> find_endpoint(std::string_view method, std::string_view path) {
    std::string allowed;
    for (const Endpoint& endpoint : endpoints()) {
        auto values = match(endpoint.path, path);
        if (!values) {
            continue;
        }
        if (endpoint.method == method) {
            return Match{&endpoint, std::move(*values)};
        }
        allowed += allowed.empty() ? "" : ", ";
        allowed += endpoint.method;
    }
    if (!allowed.empty()) {
        return std::unexpected(
            Problem(405, "method_not_allowed",
                    fmt::format("{} does not take {}, only {}", base::printable(path),
                                base::printable(method), allowed)));
    }
    return std::unexpected(
        Problem(404, "not_found",
                fmt::format("{} is no path of this API; GET /v1/openapi.json lists them",
                            base::printable(path))));
}

/// Why `value` is not of the kind; empty when it is.
std::string_view objection(Parameter::Kind kind, const std::string& value) {
    uint64_t number = 0;
    switch (kind) {
        case Parameter::Kind::kString:
        case Parameter::Kind::kStringList:
            return value.empty() ? "must not be empty" : "";
        case Parameter::Kind::kBool:
            return value == "true" || value == "false" ? "" : "must be true or false";
        case Parameter::Kind::kTime:
            return base::parse_rfc3339(value) ? "" : "must be a time as in RFC 3339";
        case Parameter::Kind::kInteger:
            break;
    }
    const char* const end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, number);
    return read.ec == std::errc() && read.ptr == end && number <= INT64_MAX ? ""
                                                                            : "must be a number";
}

std::expected<void, Problem> add(const Endpoint& endpoint, Parameter::In in, std::string_view name,
                                 std::string value, Arguments& arguments) {
    std::vector<std::string> names;
    for (const Parameter& row : endpoint.parameters) {
        if (row.in != in) {
            continue;
        }
        names.emplace_back(row.name);
        if (row.name != name) {
            continue;
        }
        if (const auto why = objection(row.kind, value); !why.empty()) {
            return std::unexpected(bad_request(
                fmt::format("{} {}, got \"{}\"", name, why, base::printable(value, 60))));
        }
        if (row.kind != Parameter::Kind::kStringList && !arguments.text(name).empty()) {
            return std::unexpected(bad_request(fmt::format("{} is given twice", name)));
        }
        arguments.add(name, std::move(value));
        return {};
    }
    return std::unexpected(
        bad_request(fmt::format("{} takes no parameter \"{}\"{}", endpoint.id,
                                base::printable(name, 60), base::did_you_mean(name, names))));
}

std::expected<void, Problem> add_query(const Endpoint& endpoint, std::string_view query,
                                       Arguments& arguments) {
    for (const std::string_view part : base::split(query, '&')) {
        if (part.empty()) {
            continue;
        }
        const auto pair = base::split_once(part, '=').value_or(std::pair(part, std::string_view()));
        const auto name = wire::form_decode(pair.first);
        auto value = wire::form_decode(pair.second);
        if (!name || !value) {
            return std::unexpected(bad_request(fmt::format(
                "the query has a broken percent-encoding: \"{}\"", base::printable(part, 60))));
        }
        SHORE_CHECK(add(endpoint, Parameter::In::kQuery, *name, std::move(*value), arguments));
    }
    return {};
}

std::expected<wire::Json, Problem> read_body(const Endpoint& endpoint, const Incoming& incoming) {
    if (endpoint.request.empty()) {
        if (!incoming.body.empty()) {
            return std::unexpected(bad_request(fmt::format("{} takes no body", endpoint.id)));
        }
        return wire::Json();
    }
    const auto type = base::trim(base::split(incoming.content_type, ';').front());
    if (!incoming.body.empty() && !base::equals_ignoring_case(type, "application/json")) {
        return std::unexpected(Problem(
            415, "unsupported_media_type",
            fmt::format("the body must be application/json, got \"{}\"", base::printable(type))));
    }
    wire::Json body = wire::Json::object();
    if (!base::trim(incoming.body).empty()) {
        auto parsed = wire::Json::parse(incoming.body, kBodyDepthMax);
        if (!parsed) {
            return std::unexpected(bad_request(parsed.error().text()));
        }
        body = std::move(*parsed);
    }
    const auto problems = check(schema(endpoint.request), body);
    if (!problems.empty()) {
        return std::unexpected(Problem::of_fields(endpoint.request, problems));
    }
    return body;
}

}  // namespace

std::expected<Call, Problem> route(const Incoming& incoming) {
    const size_t mark = incoming.target.find('?');
    const std::string_view path = incoming.target.substr(0, mark);
    SHORE_TRY(Match matched, find_endpoint(incoming.method, path));
    const Endpoint& endpoint = *matched.endpoint;
    Call call;
    call.endpoint = &endpoint;
    for (auto& [name, value] : matched.values) {
        SHORE_CHECK(add(endpoint, Parameter::In::kPath, name, std::move(value), call.arguments));
    }
    if (mark != std::string_view::npos) {
        SHORE_CHECK(add_query(endpoint, incoming.target.substr(mark + 1), call.arguments));
    }
    if (!incoming.last_event_id.empty() &&
        std::ranges::find(endpoint.parameters, "Last-Event-ID", &Parameter::name) !=
            endpoint.parameters.end()) {
        SHORE_CHECK(add(endpoint, Parameter::In::kHeader, "Last-Event-ID",
                        std::string(incoming.last_event_id), call.arguments));
    }
    SHORE_TRY(call.body, read_body(endpoint, incoming));
    if (endpoint.idempotency_key && !incoming.idempotency_key.empty()) {
        if (incoming.idempotency_key.size() > kIdempotencyKeyBytesMax) {
            return std::unexpected(bad_request(
                fmt::format("Idempotency-Key is longer than {} bytes", kIdempotencyKeyBytesMax)));
        }
        call.idempotency_key = incoming.idempotency_key;
        call.fingerprint = fmt::format("{} {} {:016x}", incoming.method, incoming.target,
                                       std::hash<std::string_view>()(incoming.body));
    }
    return call;
}

std::expected<void, Problem> authorise(const Caller& caller, const Endpoint& endpoint) {
    if (caller.role >= endpoint.role) {
        return {};
    }
    if (caller.role == Role::kAnyone) {
        return std::unexpected(Problem(
            401, "unauthorized",
            fmt::format("{} needs a caller who is known: {} is not the owner of this daemon",
                        endpoint.id, caller.name)));
    }
    return std::unexpected(
        Problem(403, "permission",
                fmt::format("{} needs the role {}, {} has {}", endpoint.id,
                            to_string(endpoint.role), caller.name, to_string(caller.role))));
}

}  // namespace shore::api

// The reference page of the API, from the same tables as the OpenAPI document.
#include "api/endpoint.h"
#include "api/openapi.h"
#include "api/schema.h"

namespace shore::api {
namespace {

std::string_view type_name(Type type) {
    switch (type) {
        case Type::kString:
            return "string";
        case Type::kInteger:
            return "integer";
        case Type::kNumber:
            return "number";
        case Type::kBool:
            return "boolean";
        case Type::kTime:
            return "time (RFC 3339)";
        case Type::kObject:
            return "object";
        case Type::kStringList:
            return "list of strings";
        case Type::kObjectList:
            return "list of";
        case Type::kStringMap:
            return "object of strings";
        case Type::kIntegerMap:
            return "object of integers";
        case Type::kAny:
            return "any";
    }
    return "";
}

std::string_view answer_name(Answer answer) {
    switch (answer) {
        case Answer::kJson:
            return "JSON";
        case Answer::kText:
            return "text";
        case Answer::kLines:
            return "lines of JSON";
        case Answer::kEventStream:
            return "server-sent events";
        case Answer::kLinesOrEvents:
            return "lines of JSON, or server-sent events";
        case Answer::kJsonOrEvents:
            return "JSON, or server-sent events";
    }
    return "";
}

std::string link_to(std::string_view schema) {
    std::string anchor(schema);
    std::ranges::transform(anchor, anchor.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    });
    return fmt::format("[{}](#{})", schema, anchor);
}

void add_endpoint(std::string& page, const Endpoint& endpoint) {
    page += fmt::format("### {} {}\n\n**{}.** {}\n\n", endpoint.method, endpoint.path, endpoint.id,
                        endpoint.summary);
    page += fmt::format("{}\n\n", endpoint.description);
    page +=
        fmt::format("Role: {}. Answer: {} {}{}{}.\n\n", to_string(endpoint.role), endpoint.status,
                    answer_name(endpoint.answer), endpoint.response.empty() ? "" : ", ",
                    endpoint.response.empty() ? std::string() : link_to(endpoint.response));
    if (!endpoint.request.empty()) {
        page += fmt::format("Body: {}.{}\n\n", link_to(endpoint.request),
                            endpoint.idempotency_key ? " Takes `Idempotency-Key`." : "");
    }
    if (endpoint.parameters.empty()) {
        return;
    }
    page += "| parameter | in | meaning |\n|---|---|---|\n";
    for (const Parameter& row : endpoint.parameters) {
        page += fmt::format("| `{}` | {} | {} |\n", row.name,
                            row.in == Parameter::In::kPath    ? "path"
                            : row.in == Parameter::In::kQuery ? "query"
                                                              : "header",
                            row.description);
    }
    page += "\n";
}

void add_schema(std::string& page, const Schema& schema) {
    page += fmt::format("### {}\n\n{}\n\n| member | type | meaning |\n|---|---|---|\n", schema.name,
                        schema.description);
    for (const Property& row : schema.properties) {
        std::string type(type_name(row.type));
        if (!row.of.empty()) {
            type = row.type == Type::kObject ? link_to(row.of) : "list of " + link_to(row.of);
        }
        std::string meaning(row.description);
        if (!row.values.empty()) {
            meaning += fmt::format(" One of: {}.", row.values);
        }
        page +=
            fmt::format("| `{}`{} | {} | {} |\n", row.name,
                        row.need == Property::Need::kRequired ? "" : " (optional)", type, meaning);
    }
    page += "\n";
}

}  // namespace

std::string reference_page() {
    std::string page =
        "# The control API\n\n"
        "<!-- Generated from src/api/endpoints.cc and schemas.cc; a test checks it. -->\n\n"
        "HTTP/1.1 over the Unix socket `run/api.sock` of the state directory (mode 0600). The\n"
        "description for programs is at `/v1/openapi.json` (OpenAPI 3.1). Try it:\n\n"
        "```sh\ncurl --unix-socket ~/.local/state/shore/run/api.sock "
        "http://localhost/v1/stacks\n```\n\n"
        "Errors are problems as in RFC 9457 (`application/problem+json`, see "
        "[Problem](#problem)).\n"
        "Lists that grow come in pages: give `next_cursor` as `cursor` for the next one. Long work "
        "is\n"
        "accepted with 202 and followed with `watchProgress`.\n\n## Calls\n\n";
    for (const Endpoint& endpoint : endpoints()) {
        add_endpoint(page, endpoint);
    }
    page += "## Shapes\n\n";
    for (const Schema& row : schemas()) {
        add_schema(page, row);
    }
    page.pop_back();
    return page;
}

}  // namespace shore::api

#include "api/openapi.h"

#include "api/endpoint.h"
#include "api/limits.h"
#include "api/schema.h"

namespace shore::api {
namespace {

using wire::Json;

struct Tag {
    std::string_view name;
    std::string_view description;
};

constexpr Tag kTags[] = {
    {"daemon", "The daemon itself."},
    {"stacks", "Stacks as a whole."},
    {"releases", "What was deployed, and going back to it."},
    {"services", "Changing services of a stack."},
    {"logs", "What the apps wrote."},
    {"exec", "Commands beside an instance."},
    {"events", "What happened."},
};

Json reference_to(std::string_view schema) {
    return Json::object().set("$ref", fmt::format("#/components/schemas/{}", schema));
}

Json schema_of(Parameter::Kind kind) {
    Json text = Json::object().set("type", "string");
    switch (kind) {
        case Parameter::Kind::kString:
            break;
        case Parameter::Kind::kInteger:
            return Json::object().set("type", "integer").set("minimum", 0);
        case Parameter::Kind::kBool:
            return Json::object().set("type", "boolean");
        case Parameter::Kind::kTime:
            return text.set("format", "date-time");
        case Parameter::Kind::kStringList:
            return Json::object().set("type", "array").set("items", std::move(text));
    }
    return text;
}

std::string_view name_of(Parameter::In in) {
    switch (in) {
        case Parameter::In::kPath:
            return "path";
        case Parameter::In::kQuery:
            return "query";
        case Parameter::In::kHeader:
            return "header";
    }
    return "query";
}

Json parameters_of(const Endpoint& endpoint) {
    Json parameters = Json::array();
    for (const Parameter& row : endpoint.parameters) {
        Json parameter = Json::object()
                             .set("name", row.name)
                             .set("in", name_of(row.in))
                             .set("description", row.description);
        if (row.in == Parameter::In::kPath) {
            parameter.set("required", true);
        }
        parameters.push(std::move(parameter).set("schema", schema_of(row.kind)));
    }
    if (endpoint.idempotency_key) {
        parameters.push(
            Json::object()
                .set("name", "Idempotency-Key")
                .set("in", "header")
                .set("description",
                     "Any text of at most 200 bytes. The same request with the same key acts once; "
                     "the answer is kept for a day.")
                .set("schema", schema_of(Parameter::Kind::kString)));
    }
    return parameters;
}

Json content(std::string_view type, Json schema) {
    return Json::object().set(type, Json::object().set("schema", std::move(schema)));
}

Json json_schema(const Endpoint& endpoint) {
    return endpoint.response.empty() ? Json::object().set("type", "object")
                                     : reference_to(endpoint.response);
}

Json content_of(const Endpoint& endpoint) {
    // A stream is text to JSON Schema; the shape of its pieces is told in the description.
    const Json text = schema_of(Parameter::Kind::kString);
    switch (endpoint.answer) {
        case Answer::kJson:
            return content("application/json", json_schema(endpoint));
        case Answer::kText:
            return content("text/plain", text);
        case Answer::kLines:
            return content("application/x-ndjson", json_schema(endpoint));
        case Answer::kEventStream:
            return content("text/event-stream", json_schema(endpoint));
        case Answer::kLinesOrEvents:
            return content("application/x-ndjson", json_schema(endpoint))
                .set("text/event-stream", Json::object().set("schema", text));
        case Answer::kJsonOrEvents:
            return content("application/json", json_schema(endpoint))
                .set("text/event-stream", Json::object().set("schema", text));
    }
    return Json::object();
}

Json operation_of(const Endpoint& endpoint) {
    Json operation =
        Json::object()
            .set("operationId", endpoint.id)
            .set("tags", Json::array({Json(endpoint.tag)}))
            .set("summary", endpoint.summary)
            .set("description", fmt::format("{}\n\nNeeds the role {}.", endpoint.description,
                                            to_string(endpoint.role)));
    Json parameters = parameters_of(endpoint);
    if (!parameters.items().empty()) {
        operation.set("parameters", std::move(parameters));
    }
    if (!endpoint.request.empty()) {
        operation.set("requestBody", Json::object()
                                         .set("required", true)
                                         .set("content", content("application/json",
                                                                 reference_to(endpoint.request))));
    }
    Json success = Json::object()
                       .set("description", endpoint.status == 202 ? "Accepted." : "Done.")
                       .set("content", content_of(endpoint));
    Json responses = Json::object().set(std::to_string(endpoint.status), std::move(success));
    responses.set("4XX", Json::object().set("$ref", "#/components/responses/Refused"));
    responses.set("5XX", Json::object().set("$ref", "#/components/responses/Failed"));
    operation.set("responses", std::move(responses));
    if (endpoint.role == Role::kAnyone) {
        operation.set("security", Json::array());
    }
    return operation;
}

Json lower(std::string_view method) {
    std::string text(method);
    std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    return Json(text);
}

Json paths() {
    Json paths = Json::object();
    for (const Endpoint& endpoint : endpoints()) {
        Json path = paths[endpoint.path];
        if (path.is_null()) {
            path = Json::object();
        }
        path.set(lower(endpoint.method).text(), operation_of(endpoint));
        paths.set(endpoint.path, std::move(path));
    }
    return paths;
}

Json problem_response(std::string_view description) {
    return Json::object()
        .set("description", description)
        .set("content", content("application/problem+json", reference_to("Problem")));
}

Json components() {
    Json all = Json::object();
    for (const Schema& row : schemas()) {
        all.set(row.name, to_json_schema(row));
    }
    return Json::object()
        .set("schemas", std::move(all))
        .set("responses",
             Json::object()
                 .set("Refused", problem_response("The request cannot be carried out as it is."))
                 .set("Failed", problem_response("The daemon could not carry it out.")))
        .set("securitySchemes",
             Json::object().set("bearer", Json::object()
                                              .set("type", "http")
                                              .set("scheme", "bearer")
                                              .set("description",
                                                   "For callers over TCP. Over the Unix socket the "
                                                   "caller is whom the kernel says: the daemon's "
                                                   "own user and root are the owner.")));
}

}  // namespace

Json openapi_document(std::string_view version) {
    Json tags = Json::array();
    for (const Tag& tag : kTags) {
        tags.push(Json::object().set("name", tag.name).set("description", tag.description));
    }
    return Json::object()
        .set("openapi", "3.1.0")
        .set("info",
             Json::object()
                 .set("title", "Shore control API")
                 .set("version", version)
                 .set("description",
                      "HTTP/1.1 over the Unix socket run/api.sock of the state directory. Errors "
                      "are problems as in RFC 9457.")
                 .set("license",
                      Json::object().set("name", "Apache 2.0").set("identifier", "Apache-2.0")))
        .set("servers",
             Json::array({Json::object()
                              .set("url", "/")
                              .set("description", "The socket that the document was read from.")}))
        .set("security", Json::array({Json::object().set("bearer", Json::array())}))
        .set("tags", std::move(tags))
        .set("paths", paths())
        .set("components", components());
}

}  // namespace shore::api

#include "api/problem.h"

#include "api/limits.h"
#include "api/ports.h"

namespace shore::api {
namespace {

struct Kind {
    std::string_view code;
    uint16_t status;
    std::string_view title;
};

constexpr Kind kKinds[] = {
    {"invalid", 422, "The request is understood but wrong"},
    {"not_found", 404, "There is no such thing"},
    {"conflict", 409, "The present state forbids it"},
    {"permission", 403, "Not permitted"},
    {"unavailable", 503, "Not available now"},
    {"timeout", 504, "It took too long"},
    {"exhausted", 503, "A limit was reached"},
    {"corrupt", 500, "Stored data is damaged"},
    {"unsupported", 501, "Not possible on this machine"},
    {"stopped", 503, "The daemon is stopping"},
    {"internal", 500, "A fault in Shore"},
    {"bad_request", 400, "The request is malformed"},
    {"unauthorized", 401, "Who are you?"},
    {"method_not_allowed", 405, "The path has no such method"},
    {"payload_too_large", 413, "The body is too large"},
    {"unsupported_media_type", 415, "The body has the wrong type"},
    {"not_ready", 503, "The daemon is not ready yet"},
};

const Kind& kind_of(std::string_view code) {
    const auto* found = std::ranges::find(kKinds, code, &Kind::code);
    return found == std::end(kKinds) ? kind_of("internal") : *found;
}

}  // namespace

wire::Json to_json(const config::Finding& finding) {
    wire::Json json = wire::Json::object();
    if (!finding.file.empty()) {
        json.set("file", finding.file);
    }
    if (finding.line != 0) {
        json.set("line", finding.line).set("column", finding.column);
    }
    if (!finding.path.empty()) {
        json.set("path", finding.path);
    }
    return std::move(json).set("detail", finding.message);
}

Problem::Problem(const Error& error)
    : status_(kind_of(to_string(error.code())).status),
      code_(to_string(error.code())),
      detail_(error.text()) {
}

Problem::Problem(const Rejection& rejection) : Problem(rejection.error) {
    for (const config::Finding& finding : rejection.problems) {
        if (errors_.size() < kProblemsMax) {
            errors_.push_back(api::to_json(finding));
        }
    }
}

Problem::Problem(uint16_t status, std::string_view code, std::string detail)
    : status_(status), code_(code), detail_(std::move(detail)) {
}

Problem Problem::of_fields(std::string_view what, std::span<const FieldProblem> problems) {
    Problem result(422, "invalid", fmt::format("{} is not as it should be", what));
    for (const FieldProblem& problem : problems) {
        result.errors_.push_back(
            wire::Json::object().set("pointer", problem.pointer).set("detail", problem.detail));
    }
    if (!problems.empty()) {
        result.detail_ = fmt::format(
            "{}: {} {}{}", what, problems.front().pointer, problems.front().detail,
            problems.size() > 1 ? fmt::format(" (and {} more)", problems.size() - 1) : "");
    }
    return result;
}

wire::Json Problem::to_json() const {
    wire::Json json = wire::Json::object();
    json.set("type", fmt::format("urn:shore:problem:{}", code_))
        .set("title", kind_of(code_).title)
        .set("status", status_)
        .set("code", code_)
        .set("detail", detail_);
    if (!errors_.empty()) {
        json.set("errors", wire::Json::array(errors_));
    }
    return json;
}

}  // namespace shore::api

// Problem: why a request was refused, in the form of RFC 9457 (application/problem+json).
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/schema.h"
#include "base/error.h"
#include "config/finding.h"
#include "wire/json.h"

namespace shore::api {

struct Rejection;

/// A value. Converts from Error, so that SHORE_CO_TRY passes errors on in handlers.
class Problem final {
 public:
    /// Status and title follow the code: kNotFound is 404, kInvalid 422, …
    Problem(const Error& error);
    /// A manifest that was refused: each finding with its place.
    Problem(const Rejection& rejection);
    /// Problems of HTTP itself: "bad_request", "method_not_allowed", "payload_too_large", …
    Problem(uint16_t status, std::string_view code, std::string detail);

    /// A body that does not have the shape of its schema: 422.
    static Problem of_fields(std::string_view what, std::span<const FieldProblem> problems);

    uint16_t status() const { return status_; }
    const std::string& code() const { return code_; }
    const std::string& detail() const { return detail_; }
    wire::Json to_json() const;

 private:
    uint16_t status_;
    std::string code_;
    std::string detail_;
    std::vector<wire::Json> errors_;
};

/// A finding of a manifest as the API's Finding.
wire::Json to_json(const config::Finding& finding);

}  // namespace shore::api

// Schemas: the shapes of what the API reads and writes, as tables. From one row come the strict
// check of a request body, the OpenAPI document and the reference page.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json.h"

namespace shore::api {

enum class Type : uint8_t {
    kString,
    kInteger,
    kNumber,  ///< With a fraction.
    kBool,
    kTime,    ///< RFC 3339 text.
    kObject,  ///< Of Property::of.
    kStringList,
    kObjectList,  ///< Each of Property::of.
    kStringMap,   ///< Object with string values.
    kIntegerMap,  ///< Object with integer values.
    kAny,         ///< Any JSON.
};

struct Property {
    enum class Need : uint8_t { kOptional, kRequired };
    std::string_view name;
    Type type = Type::kString;
    Need need = Need::kOptional;
    std::string_view description;
    std::string_view of = {};  ///< Schema of kObject and kObjectList.
    int64_t min = 0;           ///< Bounds of integers (also in maps).
    int64_t max = INT64_MAX;
    std::string_view values = {};  ///< Comma-separated: the only strings that may stand here.
};

struct Schema {
    std::string_view name;
    std::string_view description;
    std::span<const Property> properties;
};

/// Every schema, sorted by name.
std::span<const Schema> schemas();
/// The named schema, which must exist.
const Schema& schema(std::string_view name);

/// One thing wrong with a body.
struct FieldProblem {
    std::string pointer;  ///< RFC 6901 in fragment form: "#/services/api".
    std::string detail;
    friend bool operator==(const FieldProblem&, const FieldProblem&) = default;
};

/// Everything in `value` that the schema does not allow: missing and unknown members, wrong types,
/// bounds. Empty: fine.
std::vector<FieldProblem> check(const Schema& schema, const wire::Json& value);

/// JSON Schema (2020-12, as OpenAPI 3.1 uses) of one row.
wire::Json to_json_schema(const Schema& schema);

}  // namespace shore::api

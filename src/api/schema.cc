#include "api/schema.h"

#include "api/limits.h"
#include "base/clock.h"
#include "base/strings.h"

namespace shore::api {
namespace {

using wire::Json;

/// Collects what is wrong while walking a value beside its schema.
class Checker final {
 public:
    void object(const Schema& schema, const Json& value, const std::string& pointer) {
        if (!value.is_object()) {
            add(pointer, fmt::format("must be an object, got {}", described(value)));
            return;
        }
        for (const Json::Member& member : value.members()) {
            const auto row = std::ranges::find(schema.properties, member.key, &Property::name);
            if (row == schema.properties.end()) {
                add(below(pointer, member.key), unknown(schema, member.key));
            } else {
                property(*row, member.value, below(pointer, member.key));
            }
        }
        for (const Property& row : schema.properties) {
            if (row.need == Property::Need::kRequired && value.find(row.name) == nullptr) {
                add(pointer, fmt::format("\"{}\" is missing: {}", row.name, row.description));
            }
        }
    }
    std::vector<FieldProblem> take() { return std::move(problems_); }

 private:
    void property(const Property& row, const Json& value, const std::string& pointer) {
        switch (row.type) {
            case Type::kString:
                string(row, value, pointer);
                break;
            case Type::kInteger:
                integer(row, value, pointer);
                break;
            case Type::kNumber:
                if (value.kind() != Json::Kind::kInteger) {
                    expect(value, Json::Kind::kNumber, "a number", pointer);
                }
                break;
            case Type::kBool:
                expect(value, Json::Kind::kBool, "true or false", pointer);
                break;
            case Type::kTime:
                time(value, pointer);
                break;
            case Type::kObject:
                object(schema(row.of), value, pointer);
                break;
            case Type::kStringList:
            case Type::kObjectList:
                list(row, value, pointer);
                break;
            case Type::kStringMap:
            case Type::kIntegerMap:
                map(row, value, pointer);
                break;
            case Type::kAny:
                break;
        }
    }
    void string(const Property& row, const Json& value, const std::string& pointer) {
        if (!expect(value, Json::Kind::kString, "a string", pointer) || row.values.empty()) {
            return;
        }
        const auto allowed = base::split(row.values, ',');
        if (std::ranges::find(allowed, value.text()) == allowed.end()) {
            add(pointer, fmt::format("must be one of {}, got \"{}\"", row.values,
                                     base::printable(value.text())));
        }
    }
    void integer(const Property& row, const Json& value, const std::string& pointer) {
        if (!expect(value, Json::Kind::kInteger, "a whole number", pointer)) {
            return;
        }
        if (value.integer() < row.min || value.integer() > row.max) {
            add(pointer, fmt::format("must be {}..{}, got {}", row.min, row.max, value.integer()));
        }
    }
    void time(const Json& value, const std::string& pointer) {
        if (expect(value, Json::Kind::kString, "a time", pointer) &&
            !base::parse_rfc3339(value.text())) {
            add(pointer, fmt::format("must be a time as in RFC 3339, got \"{}\"",
                                     base::printable(value.text())));
        }
    }
    void list(const Property& row, const Json& value, const std::string& pointer) {
        if (!expect(value, Json::Kind::kArray, "a list", pointer)) {
            return;
        }
        for (size_t i = 0; i < value.items().size(); ++i) {
            const std::string place = fmt::format("{}/{}", pointer, i);
            if (row.type == Type::kStringList) {
                expect(value.items()[i], Json::Kind::kString, "a string", place);
            } else {
                object(schema(row.of), value.items()[i], place);
            }
        }
    }
    void map(const Property& row, const Json& value, const std::string& pointer) {
        if (!expect(value, Json::Kind::kObject, "an object", pointer)) {
            return;
        }
        for (const Json::Member& member : value.members()) {
            if (row.type == Type::kStringMap) {
                expect(member.value, Json::Kind::kString, "a string", below(pointer, member.key));
            } else {
                integer(row, member.value, below(pointer, member.key));
            }
        }
    }

    bool expect(const Json& value, Json::Kind kind, std::string_view wanted,
                const std::string& pointer) {
        if (value.kind() == kind) {
            return true;
        }
        add(pointer, fmt::format("must be {}, got {}", wanted, described(value)));
        return false;
    }
    void add(const std::string& pointer, std::string detail) {
        if (problems_.size() < kProblemsMax) {
            problems_.push_back({pointer, std::move(detail)});
        }
    }
    static std::string below(const std::string& pointer, std::string_view key) {
        // RFC 6901 section 3: "~" and "/" of a name are written ~0 and ~1.
        std::string escaped = base::replace_all(base::printable(key), "~", "~0");
        return pointer + "/" + base::replace_all(std::move(escaped), "/", "~1");
    }
    static std::string unknown(const Schema& schema, std::string_view key) {
        std::vector<std::string> names;
        for (const Property& row : schema.properties) {
            names.emplace_back(row.name);
        }
        return fmt::format("is no member of {}{}", schema.name, base::did_you_mean(key, names));
    }
    static std::string described(const Json& value) {
        switch (value.kind()) {
            case Json::Kind::kNull:
                return "null";
            case Json::Kind::kBool:
                return value.truth() ? "true" : "false";
            case Json::Kind::kInteger:
                return std::to_string(value.integer());
            case Json::Kind::kNumber:
                return fmt::format("{}", value.number());
            case Json::Kind::kString:
                return fmt::format("\"{}\"", base::printable(value.text(), 60));
            case Json::Kind::kArray:
                return "a list";
            case Json::Kind::kObject:
                return "an object";
        }
        return "something else";
    }

    std::vector<FieldProblem> problems_;
};

Json reference_to(std::string_view name) {
    return Json::object().set("$ref", fmt::format("#/components/schemas/{}", name));
}
Json of_type(std::string_view type) {
    return Json::object().set("type", type);
}

Json integer_type(const Property& row) {
    Json type = of_type("integer");
    type.set("minimum", row.min);
    if (row.max != INT64_MAX) {
        type.set("maximum", row.max);
    }
    return type;
}

Json type_of(const Property& row) {
    switch (row.type) {
        case Type::kString:
            break;
        case Type::kInteger:
            return integer_type(row);
        case Type::kNumber:
            return of_type("number");
        case Type::kBool:
            return of_type("boolean");
        case Type::kTime:
            return of_type("string").set("format", "date-time");
        case Type::kObject:
            return reference_to(row.of);
        case Type::kStringList:
            return of_type("array").set("items", of_type("string"));
        case Type::kObjectList:
            return of_type("array").set("items", reference_to(row.of));
        case Type::kStringMap:
            return of_type("object").set("additionalProperties", of_type("string"));
        case Type::kIntegerMap:
            return of_type("object").set("additionalProperties", integer_type(row));
        case Type::kAny:
            return Json::object();
    }
    Json type = of_type("string");
    if (!row.values.empty()) {
        Json values = Json::array();
        for (const std::string_view value : base::split(row.values, ',')) {
            values.push(value);
        }
        type.set("enum", std::move(values));
    }
    return type;
}

}  // namespace

std::vector<FieldProblem> check(const Schema& schema, const Json& value) {
    Checker checker;
    checker.object(schema, value, "#");
    return checker.take();
}

Json to_json_schema(const Schema& schema) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const Property& row : schema.properties) {
        properties.set(row.name, type_of(row).set("description", row.description));
        if (row.need == Property::Need::kRequired) {
            required.push(row.name);
        }
    }
    Json result = of_type("object");
    result.set("description", schema.description).set("properties", std::move(properties));
    if (!required.items().empty()) {
        result.set("required", std::move(required));
    }
    return result;
}

}  // namespace shore::api

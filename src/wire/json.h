// Json: one JSON value (RFC 8259) as an own, cheaply included tree: what the control API and its
// clients speak. Objects keep the order of their members. For whole documents of moderate size; not
// for hot paths.
//
// Reading is lenient: a member that is absent or of another kind reads as null, "", 0, false or
// nothing. Who must refuse such input asks kind() or checks it against a schema first.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace shore::wire {

class Json final {
 public:
    enum class Kind : uint8_t { kNull, kBool, kInteger, kNumber, kString, kArray, kObject };
    struct Member;

    Json();
    Json(std::nullptr_t);
    Json(bool value);
    Json(int32_t value);
    Json(uint32_t value);
    Json(int64_t value);
    /// Above 2^63-1 it becomes a kNumber.
    Json(uint64_t value);
    Json(double value);
    Json(const char* text);
    Json(std::string_view text);
    Json(std::string text);
    Json(const Json&);
    Json(Json&&) noexcept;
    Json& operator=(const Json&);
    Json& operator=(Json&&) noexcept;
    ~Json();

    static Json array(std::vector<Json> items = {});
    static Json strings(std::span<const std::string> items);
    static Json object();

    /// One document and nothing after it. kInvalid says line and column of what is wrong. Nesting
    /// deeper than `depth_max` is refused, and so are duplicate members.
    static Result<Json> parse(std::string_view text, size_t depth_max = 32);

    Kind kind() const;
    bool is_null() const { return kind() == Kind::kNull; }
    bool is_object() const { return kind() == Kind::kObject; }
    bool is_array() const { return kind() == Kind::kArray; }

    /// The member, or a null value when there is none or this is no object. The reference lives as
    /// long as this.
    const Json& operator[](std::string_view key) const;
    const Json* find(std::string_view key) const;
    std::string_view text(std::string_view otherwise = {}) const;
    int64_t integer(int64_t otherwise = 0) const;
    double number(double otherwise = 0) const;
    bool truth(bool otherwise = false) const;
    /// Items of an array; empty for other kinds.
    std::span<const Json> items() const;
    /// Members of an object in their order; empty for other kinds.
    std::span<const Member> members() const;

    /// Sets a member of an object (a null value becomes one). Returns *this for chaining.
    Json& set(std::string_view key, Json value) &;
    Json&& set(std::string_view key, Json value) &&;
    /// Appends to an array (a null value becomes one).
    Json& push(Json value) &;

    /// One line without spaces. Broken UTF-8 in a string is written as U+FFFD.
    std::string dump() const;
    /// Indented by two spaces, ended by a newline: for people and for files under version control.
    std::string dump_indented() const;

    friend bool operator==(const Json& a, const Json& b);

 private:
    using Array = std::vector<Json>;
    using Object = std::vector<Member>;
    std::variant<std::nullptr_t, bool, int64_t, double, std::string, std::unique_ptr<Array>,
                 std::unique_ptr<Object>>
        value_;
};

struct Json::Member {
    std::string key;
    Json value;
};

/// `text` as a JSON string with its quotes.
std::string json_quoted(std::string_view text);

}  // namespace shore::wire

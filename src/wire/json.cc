#include "wire/json.h"

#include <cmath>

#include <boost/json/basic_parser_impl.hpp>

#include "base/assert.h"
#include "base/strings.h"

namespace shore::wire {
namespace {

namespace bj = boost::json;

const Json kNothing;

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0 when it is broken (RFC 3629
/// section 4).
size_t utf8_length(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) {
        return 1;
    }
    size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;
        high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (text.size() < length || byte(1) < low || byte(1) > high) {
        return 0;
    }
    for (size_t i = 2; i < length; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xbf) {
            return 0;
        }
    }
    return length;
}

void append_control(std::string& out, char c) {
    switch (c) {
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        default:
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char c = text.front();
        if (static_cast<unsigned char>(c) < 0x20) {
            append_control(out, c);
            text.remove_prefix(1);
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
            text.remove_prefix(1);
        } else if (const size_t length = utf8_length(text); length != 0) {
            out += text.substr(0, length);
            text.remove_prefix(length);
        } else {
            out += "\xef\xbf\xbd";
            text.remove_prefix(1);
        }
    }
    out += '"';
}

class Writer final {
 public:
    explicit Writer(bool indented) : indented_(indented) {}
    void write(const Json& value) {
        switch (value.kind()) {
            case Json::Kind::kNull:
                out_ += "null";
                break;
            case Json::Kind::kBool:
                out_ += value.truth() ? "true" : "false";
                break;
            case Json::Kind::kInteger:
                out_ += std::to_string(value.integer());
                break;
            case Json::Kind::kNumber:
                write_number(value.number());
                break;
            case Json::Kind::kString:
                append_quoted(out_, value.text());
                break;
            case Json::Kind::kArray:
                write_array(value.items());
                break;
            case Json::Kind::kObject:
                write_object(value.members());
                break;
        }
    }
    std::string take() { return std::move(out_); }

 private:
    void write_number(double number) {
        // JSON has no infinity; null is what ECMAScript's JSON.stringify writes.
        out_ += std::isfinite(number) ? fmt::format("{}", number) : "null";
    }
    void write_array(std::span<const Json> items) {
        open('[');
        for (const Json& item : items) {
            next(&item == items.data());
            write(item);
        }
        close(']', items.empty());
    }
    void write_object(std::span<const Json::Member> members) {
        open('{');
        for (const Json::Member& member : members) {
            next(&member == members.data());
            append_quoted(out_, member.key);
            out_ += indented_ ? ": " : ":";
            write(member.value);
        }
        close('}', members.empty());
    }
    void open(char bracket) {
        out_ += bracket;
        ++depth_;
    }
    void next(bool is_first) {
        if (!is_first) {
            out_ += ',';
        }
        new_line();
    }
    void close(char bracket, bool is_empty) {
        --depth_;
        if (!is_empty) {
            new_line();
        }
        out_ += bracket;
    }
    void new_line() {
        if (indented_) {
            out_ += '\n';
            out_.append(depth_ * 2, ' ');
        }
    }

    bool indented_;
    size_t depth_ = 0;
    std::string out_;
};

/// Boost.JSON's event parser builds the tree here, so that duplicate members are seen.
class Builder final {
 public:
    static constexpr size_t max_object_size = SIZE_MAX;
    static constexpr size_t max_array_size = SIZE_MAX;
    static constexpr size_t max_key_size = SIZE_MAX;
    static constexpr size_t max_string_size = SIZE_MAX;
    using Code = boost::system::error_code;

    bool on_document_begin(Code&) { return true; }
    bool on_document_end(Code&) { return true; }
    bool on_object_begin(Code&) { return open(Json::object()); }
    bool on_array_begin(Code&) { return open(Json::array()); }
    bool on_object_end(size_t, Code&) { return close(); }
    bool on_array_end(size_t, Code&) { return close(); }
    bool on_key_part(bj::string_view part, size_t, Code&) { return append(part); }
    bool on_key(bj::string_view part, size_t, Code& code) {
        append(part);
        if (open_.back().value.find(text_) != nullptr) {
            duplicate_ = text_;
            code = bj::make_error_code(bj::error::syntax);
            return false;
        }
        open_.back().key = std::exchange(text_, {});
        return true;
    }
    bool on_string_part(bj::string_view part, size_t, Code&) { return append(part); }
    bool on_string(bj::string_view part, size_t, Code&) {
        append(part);
        return add(Json(std::exchange(text_, {})));
    }
    bool on_number_part(bj::string_view, Code&) { return true; }
    bool on_int64(int64_t number, bj::string_view, Code&) { return add(Json(number)); }
    bool on_uint64(uint64_t number, bj::string_view, Code&) { return add(Json(number)); }
    bool on_double(double number, bj::string_view, Code& code) {
        if (!std::isfinite(number)) {  // "1e400": it could not be written again.
            code = bj::error::exponent_overflow;
            return false;
        }
        return add(Json(number));
    }
    bool on_bool(bool truth, Code&) { return add(Json(truth)); }
    bool on_null(Code&) { return add(Json()); }
    bool on_comment_part(bj::string_view, Code&) { return true; }
    bool on_comment(bj::string_view, Code&) { return true; }

    Json take() { return std::move(result_); }
    /// The member name that was given twice, if that is why parsing ended.
    const std::optional<std::string>& duplicate() const { return duplicate_; }

 private:
    struct Open {
        Json value;
        std::string key;  // Of the member that is being read.
    };

    bool append(bj::string_view part) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool open(Json value) {
        open_.push_back({std::move(value), {}});
        return true;
    }
    bool close() {
        Json value = std::move(open_.back().value);
        open_.pop_back();
        return add(std::move(value));
    }
    bool add(Json value) {
        if (open_.empty()) {
            result_ = std::move(value);
        } else if (open_.back().value.is_array()) {
            open_.back().value.push(std::move(value));
        } else {
            open_.back().value.set(open_.back().key, std::move(value));
        }
        return true;
    }

    std::vector<Open> open_;
    std::string text_;
    Json result_;
    std::optional<std::string> duplicate_;
};

std::string place_of(std::string_view text, size_t offset) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto line = std::ranges::count(before, '\n') + 1;
    const size_t line_start = before.rfind('\n');
    const size_t column = before.size() - (line_start == before.npos ? 0 : line_start + 1) + 1;
    return fmt::format("line {}, column {}", line, column);
}

}  // namespace

Json::Json() : value_(nullptr) {
}
Json::Json(std::nullptr_t) : value_(nullptr) {
}
Json::Json(bool value) : value_(value) {
}
Json::Json(int32_t value) : value_(int64_t{value}) {
}
Json::Json(uint32_t value) : value_(int64_t{value}) {
}
Json::Json(int64_t value) : value_(value) {
}
Json::Json(uint64_t value) {
    if (value <= static_cast<uint64_t>(INT64_MAX)) {
        value_ = static_cast<int64_t>(value);
    } else {
        value_ = static_cast<double>(value);
    }
}
Json::Json(double value) : value_(value) {
}
Json::Json(const char* text) : value_(std::string(text)) {
}
Json::Json(std::string_view text) : value_(std::string(text)) {
}
Json::Json(std::string text) : value_(std::move(text)) {
}
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json::Json(const Json& other) {
    std::visit(
        [this](const auto& value) {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (requires { typename Value::element_type; }) {
                value_ = std::make_unique<typename Value::element_type>(*value);
            } else {
                value_ = value;
            }
        },
        other.value_);
}
Json& Json::operator=(const Json& other) {
    if (this != &other) {
        *this = Json(other);
    }
    return *this;
}

Json Json::array(std::vector<Json> items) {
    Json value;
    value.value_ = std::make_unique<Array>(std::move(items));
    return value;
}
Json Json::strings(std::span<const std::string> items) {
    return array(std::vector<Json>(items.begin(), items.end()));
}
Json Json::object() {
    Json value;
    value.value_ = std::make_unique<Object>();
    return value;
}

Result<Json> Json::parse(std::string_view text, size_t depth_max) {
    bj::parse_options options;
    options.max_depth = depth_max;
    bj::basic_parser<Builder> parser(options);
    boost::system::error_code error;
    const size_t read = parser.write_some(false, text.data(), text.size(), error);
    if (const auto& name = parser.handler().duplicate()) {
        return fail(ErrorCode::kInvalid, "JSON: {}: the member \"{}\" is given twice",
                    place_of(text, read), base::printable(*name));
    }
    if (error) {
        return fail(ErrorCode::kInvalid, "JSON: {}: {}", place_of(text, read), error.message());
    }
    if (read < text.size()) {
        return fail(ErrorCode::kInvalid, "JSON: {}: text after the end of the document",
                    place_of(text, read));
    }
    return parser.handler().take();
}

Json::Kind Json::kind() const {
    return static_cast<Kind>(value_.index());
}

const Json* Json::find(std::string_view key) const {
    for (const Member& member : members()) {
        if (member.key == key) {
            return &member.value;
        }
    }
    return nullptr;
}
const Json& Json::operator[](std::string_view key) const {
    const Json* found = find(key);
    return found == nullptr ? kNothing : *found;
}
std::string_view Json::text(std::string_view otherwise) const {
    const auto* text = std::get_if<std::string>(&value_);
    return text == nullptr ? otherwise : std::string_view(*text);
}
int64_t Json::integer(int64_t otherwise) const {
    const auto* integer = std::get_if<int64_t>(&value_);
    return integer == nullptr ? otherwise : *integer;
}
double Json::number(double otherwise) const {
    if (const auto* integer = std::get_if<int64_t>(&value_)) {
        return static_cast<double>(*integer);
    }
    const auto* number = std::get_if<double>(&value_);
    return number == nullptr ? otherwise : *number;
}
bool Json::truth(bool otherwise) const {
    const auto* truth = std::get_if<bool>(&value_);
    return truth == nullptr ? otherwise : *truth;
}
std::span<const Json> Json::items() const {
    const auto* array = std::get_if<std::unique_ptr<Array>>(&value_);
    return array == nullptr ? std::span<const Json>() : std::span<const Json>(**array);
}
std::span<const Json::Member> Json::members() const {
    const auto* object = std::get_if<std::unique_ptr<Object>>(&value_);
    return object == nullptr ? std::span<const Member>() : std::span<const Member>(**object);
}

Json& Json::set(std::string_view key, Json value) & {
    if (is_null()) {
        *this = object();
    }
    auto* object = std::get_if<std::unique_ptr<Object>>(&value_);
    SHORE_ASSERT(object != nullptr);
    for (Member& member : **object) {
        if (member.key == key) {
            member.value = std::move(value);
            return *this;
        }
    }
    (*object)->push_back({std::string(key), std::move(value)});
    return *this;
}
Json&& Json::set(std::string_view key, Json value) && {
    set(key, std::move(value));
    return std::move(*this);
}
Json& Json::push(Json value) & {
    if (is_null()) {
        *this = array();
    }
    auto* array = std::get_if<std::unique_ptr<Array>>(&value_);
    SHORE_ASSERT(array != nullptr);
    (*array)->push_back(std::move(value));
    return *this;
}

std::string Json::dump() const {
    Writer writer(false);
    writer.write(*this);
    return writer.take();
}
std::string Json::dump_indented() const {
    Writer writer(true);
    writer.write(*this);
    return writer.take() + "\n";
}

bool operator==(const Json& a, const Json& b) {
    if (a.kind() != b.kind()) {
        return false;
    }
    if (a.is_array()) {
        return std::ranges::equal(a.items(), b.items());
    }
    if (a.is_object()) {
        return std::ranges::equal(a.members(), b.members(),
                                  [](const Json::Member& left, const Json::Member& right) {
                                      return left.key == right.key && left.value == right.value;
                                  });
    }
    return a.value_ == b.value_;
}

std::string json_quoted(std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
}

}  // namespace shore::wire

#include "config/value_check.h"

#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/strings.h"

namespace shore::config {

namespace {

using Checked = std::expected<Node, std::string>;

std::unexpected<std::string> expected_but_got(std::string_view expected, const Node& value) {
    if (value.is_scalar()) {
        return std::unexpected(
            fmt::format("must be {}, got \"{}\"", expected, base::printable(value.text, 60)));
    }
    return std::unexpected(fmt::format("must be {}, got {}", expected, describe(value.kind)));
}

/// Whether `value` lies in "low..high", whose ends `read` understands. No bounds: always.
template <class Read, class Value>
bool within(std::string_view bounds, const Value& value, Read read) {
    const size_t dots = bounds.find("..");
    if (dots == std::string_view::npos) {
        return true;
    }
    const auto low = read(bounds.substr(0, dots));
    const auto high = read(bounds.substr(dots + 2));
    return (!low || *low <= value) && (!high || value <= *high);
}

std::string with_bounds(std::string_view what, std::string_view bounds) {
    return bounds.empty() ? std::string(what) : fmt::format("{} {}", what, bounds);
}

Checked check_int(const Node& value, std::string_view bounds) {
    const auto number = as_int(value);
    const auto read = [](std::string_view text) {
        return as_int(Node::string(std::string(text), {}));
    };
    if (!number || !within(bounds, *number, read)) {
        return expected_but_got(bounds.empty() ? "a whole number" : bounds, value);
    }
    return Node::integer(*number, value.place);
}

Checked check_number(const Node& value, std::string_view bounds) {
    const auto number = as_number(value);
    const auto read = [](std::string_view text) {
        return as_number(Node::string(std::string(text), {}));
    };
    if (!number || !within(bounds, *number, read)) {
        return expected_but_got(with_bounds("a number", bounds), value);
    }
    Node canonical = Node::string(fmt::format("{}", *number), value.place);
    canonical.kind = plain_kind(canonical.text);
    return canonical;
}

Checked check_duration(const Node& value, std::string_view bounds) {
    const auto duration =
        value.text == "0" ? base::Duration::zero() : base::parse_duration(value.text);
    const auto read = [](std::string_view text) { return base::parse_duration(text); };
    if (!value.is_scalar() || !duration || !within(bounds, *duration, read)) {
        return expected_but_got(bounds.empty()
                                    ? "a duration such as 1m30s or 500ms"
                                    : fmt::format("a duration {}, such as 1m30s", bounds),
                                value);
    }
    return Node::string(base::to_text(*duration), value.place);
}

Checked check_bytes(const Node& value, std::string_view bounds) {
    const auto bytes = base::parse_bytes(value.text);
    const auto read = [](std::string_view text) { return base::parse_bytes(text); };
    if (!value.is_scalar() || !bytes || !within(bounds, *bytes, read)) {
        return expected_but_got(bounds.empty() ? "a size such as 512k, 64mb or 1GiB"
                                               : fmt::format("a size {}, such as 64mb", bounds),
                                value);
    }
    return Node::string(base::to_text(*bytes), value.place);
}

Checked check_choice(const Node& value, std::string_view bounds) {
    std::vector<std::string> choices;
    for (const std::string_view choice : base::split(bounds, '|')) {
        if (value.is_scalar() && value.text == choice) {
            return Node::string(value.text, value.place);
        }
        choices.emplace_back(choice);
    }
    auto refusal = expected_but_got("one of " + base::join(choices, ", "), value);
    return std::unexpected(refusal.error() + base::did_you_mean(value.text, choices));
}

/// Octal when it begins with 0 or 0o, decimal otherwise, as YAML 1.1 made Compose read it.
Checked check_mode(const Node& value) {
    std::string_view text = value.text;
    const bool octal = text.starts_with('0');
    if (text.starts_with("0o")) {
        text.remove_prefix(2);
    }
    uint32_t mode = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), mode, octal ? 8 : 10);
    if (!value.is_scalar() || text.empty() || error != std::errc() ||
        end != text.data() + text.size() || mode > 07777) {
        return expected_but_got("a file mode in octal such as 0440", value);
    }
    return Node::string(fmt::format("{:04o}", mode), value.place);
}

}  // namespace

Checked check_value(const Node& value, const Option& option) {
    switch (option.type) {
        case Type::kBool: {
            const auto truth = as_bool(value);
            return truth ? Checked(Node::boolean(*truth, value.place))
                         : expected_but_got("true or false", value);
        }
        case Type::kInt:
            return check_int(value, option.bounds);
        case Type::kNumber:
            return check_number(value, option.bounds);
        case Type::kDuration:
            return check_duration(value, option.bounds);
        case Type::kBytes:
            return check_bytes(value, option.bounds);
        case Type::kChoice:
            return check_choice(value, option.bounds);
        case Type::kMode:
            return check_mode(value);
        default:
            break;
    }
    if (!value.is_scalar()) {
        return expected_but_got("text", value);
    }
    return Node::string(value.text, value.place);
}

}  // namespace shore::config

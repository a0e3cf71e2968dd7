#include "config/node.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace shore::config {

namespace {

bool all_of_set(std::string_view text, std::string_view set) {
    return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

bool is_int(std::string_view text) {
    if (text.starts_with("0o")) {
        return all_of_set(text.substr(2), "01234567");
    }
    if (text.starts_with("0x")) {
        return all_of_set(text.substr(2), "0123456789abcdefABCDEF");
    }
    if (text.starts_with('-') || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    return all_of_set(text, "0123456789") && (text.size() == 1 || text[0] != '0');
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" ||
        text == ".NAN") {
        return true;
    }
    const size_t exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos) {
        std::string_view power = text.substr(exponent + 1);
        if (power.starts_with('-') || power.starts_with('+')) {
            power.remove_prefix(1);
        }
        if (!all_of_set(power, "0123456789")) {
            return false;
        }
        text = text.substr(0, exponent);
    }
    const size_t point = text.find('.');
    if (point == std::string_view::npos) {
        return exponent != std::string_view::npos && all_of_set(text, "0123456789");
    }
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = text.substr(point + 1);
    return (all_of_set(whole, "0123456789") &&
            (fraction.empty() || all_of_set(fraction, "0123456789"))) ||
           (whole.empty() && all_of_set(fraction, "0123456789"));
}

Node scalar(Kind kind, std::string text, const Place& place) {
    Node node;
    node.kind = kind;
    node.text = std::move(text);
    node.place = place;
    return node;
}

}  // namespace

Node Node::null(const Place& place) {
    return scalar(Kind::kNull, "", place);
}
Node Node::boolean(bool value, const Place& place) {
    return scalar(Kind::kBool, value ? "true" : "false", place);
}
Node Node::integer(int64_t value, const Place& place) {
    return scalar(Kind::kInt, std::to_string(value), place);
}
Node Node::string(std::string text, const Place& place) {
    return scalar(Kind::kString, std::move(text), place);
}
Node Node::list(const Place& place) {
    return scalar(Kind::kList, "", place);
}
Node Node::map(const Place& place) {
    return scalar(Kind::kMap, "", place);
}

const Node* Node::find(std::string_view key) const {
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : &found->value;
}

Node* Node::find(std::string_view key) {
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : &found->value;
}

const Node* Node::at(std::string_view path) const {
    const Node* node = this;
    for (const std::string_view key : base::split(path, '.')) {
        node = node->find(key);
        if (node == nullptr) {
            return nullptr;
        }
    }
    return node;
}

Node& Node::set(std::string_view key, Node value) {
    if (Node* existing = find(key)) {
        *existing = std::move(value);
        return *existing;
    }
    const Place value_place = value.place;
    entries.push_back({std::string(key), value_place, std::move(value)});
    return entries.back().value;
}

void Node::erase(std::string_view key) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
}

bool same(const Node& a, const Node& b) {
    if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() ||
        a.entries.size() != b.entries.size()) {
        return false;
    }
    for (size_t i = 0; i < a.items.size(); ++i) {
        if (!same(a.items[i], b.items[i])) {
            return false;
        }
    }
    return std::ranges::all_of(a.entries, [&](const Entry& entry) {
        const Node* other = b.find(entry.key);
        return other != nullptr && same(entry.value, *other);
    });
}

size_t count_nodes(const Node& node) {
    size_t count = 1;
    for (const Node& item : node.items) {
        count += count_nodes(item);
    }
    for (const Entry& entry : node.entries) {
        count += count_nodes(entry.value);
    }
    return count;
}

void sort_keys(Node& node) {
    std::ranges::sort(node.entries, {}, &Entry::key);
    for (Entry& entry : node.entries) {
        sort_keys(entry.value);
    }
    for (Node& item : node.items) {
        sort_keys(item);
    }
}

void mask_secrets(Node& document) {
    Node* secrets = document.find("secrets");
    if (secrets == nullptr) {
        return;
    }
    for (Entry& entry : secrets->entries) {
        // The digest too: of a short secret it would be as good as the secret itself.
        for (const std::string_view key : {"content", "x-digest"}) {
            if (Node* value = entry.value.find(key)) {
                *value = Node::string("***", value->place);
            }
        }
    }
}

Kind plain_kind(std::string_view text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
        return Kind::kNull;
    }
    if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
        text == "FALSE") {
        return Kind::kBool;
    }
    if (is_int(text)) {
        return Kind::kInt;
    }
    return is_float(text) ? Kind::kFloat : Kind::kString;
}

std::string_view describe(Kind kind) {
    switch (kind) {
        case Kind::kNull:
            return "nothing";
        case Kind::kBool:
            return "a boolean";
        case Kind::kInt:
            return "a whole number";
        case Kind::kFloat:
            return "a number";
        case Kind::kString:
            return "text";
        case Kind::kList:
            return "a list";
        case Kind::kMap:
            return "a map";
    }
    return "a value";
}

std::optional<bool> as_bool(const Node& node) {
    if (!node.is_scalar()) {
        return std::nullopt;
    }
    const std::string text = base::to_lower(node.text);
    // yes, on and their opposites: YAML 1.1, which many Compose files were written in.
    if (text == "true" || text == "yes" || text == "on" || text == "y") {
        return true;
    }
    if (text == "false" || text == "no" || text == "off" || text == "n") {
        return false;
    }
    return std::nullopt;
}

std::optional<int64_t> as_int(const Node& node) {
    if (!node.is_scalar() || !is_int(node.text)) {
        return std::nullopt;
    }
    std::string_view text = node.text;
    int radix = 10;
    if (text.starts_with("0o") || text.starts_with("0x")) {
        radix = text[1] == 'o' ? 8 : 16;
        text.remove_prefix(2);
    } else if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<double> as_number(const Node& node) {
    if (!node.is_scalar()) {
        return std::nullopt;
    }
    if (const auto whole = as_int(node)) {
        return static_cast<double>(*whole);
    }
    if (!is_float(node.text)) {
        return std::nullopt;
    }
    std::string_view text = node.text;
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

}  // namespace shore::config

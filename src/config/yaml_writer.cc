#include "config/yaml_writer.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/strings.h"

namespace shore::config {

namespace {

/// Words that a YAML 1.1 reader takes for something else than text.
bool is_reserved_word(std::string_view text) {
    constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                        "off", "true", "false", "null"};
    return std::ranges::any_of(
        kWords, [&](std::string_view word) { return base::equals_ignoring_case(text, word); });
}

enum class Style { kBlock, kFlow };

bool is_plain_safe(std::string_view text, Style style) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (text.empty() || text.size() > 200 || is_reserved_word(text)) {
        return false;
    }
    if (!is_letter(text[0]) && text[0] != '/' && text[0] != '_' && text[0] != '$') {
        return false;
    }
    constexpr std::string_view kInside = "0123456789_./@%+-$~()*?;<>=!&^|";
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool last = i + 1 == text.size();
        const bool colon = c == ':' && !last && text[i + 1] != ' ' && style == Style::kBlock;
        const bool space = c == ' ' && !last && text[i + 1] != '#';
        const bool block_only = (c == ',' || c == '"' || c == '\'') && style == Style::kBlock;
        if (!is_letter(c) && kInside.find(c) == std::string_view::npos && !colon && !space &&
            !block_only) {
            return false;
        }
    }
    return true;
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (size_t at = 0; at < text.size();) {
        const size_t length = std::max<size_t>(base::utf8_sequence(text.substr(at)), 1);
        const std::string_view piece = text.substr(at, length);
        const auto byte = static_cast<unsigned char>(piece[0]);
        at += length;
        if (piece == "\"" || piece == "\\") {
            result += '\\';
            result += piece;
        } else if (piece == "\n") {
            result += "\\n";
        } else if (piece == "\t") {
            result += "\\t";
        } else if (piece == "\u0085") {
            result += "\\x85";  // yaml-cpp 0.7 reads \N as a lone byte.
        } else if (piece == "\u2028" || piece == "\u2029") {
            result += piece == "\u2028" ? "\\L" : "\\P";
        } else if (piece == "\ufeff") {
            result += "\\ufeff";
        } else if (byte < 0x20 || byte == 0x7F || (length == 1 && byte >= 0x80)) {
            result += fmt::format("\\x{:02x}", byte);
        } else {
            result += piece;
        }
    }
    return result + "\"";
}

std::string scalar_text(const Node& node, Style style) {
    switch (node.kind) {
        case Kind::kNull:
            return "null";
        case Kind::kBool:
            return base::to_lower(node.text);
        case Kind::kInt:
        case Kind::kFloat:
            return node.text;
        default:
            return is_plain_safe(node.text, style) ? node.text : quoted(node.text);
    }
}

std::string key_text(std::string_view key, Style style) {
    return is_plain_safe(key, style) ? std::string(key) : quoted(key);
}

bool is_one_line(const Node& node) {
    return node.is_scalar() || (node.items.empty() && node.entries.empty());
}

std::string one_line(const Node& node) {
    if (node.is_list()) {
        return "[]";
    }
    return node.is_map() ? "{}" : scalar_text(node, Style::kBlock);
}

void write_block(const Node& node, size_t indent, std::string& out);

/// The value after "key:" or "-"; the cursor stands right behind them.
void write_value(const Node& value, size_t indent, std::string& out) {
    if (is_one_line(value)) {
        out += " " + one_line(value) + "\n";
        return;
    }
    out += "\n";
    write_block(value, indent, out);
}

void write_block(const Node& node, size_t indent, std::string& out) {
    const std::string margin(indent, ' ');
    for (const Entry& entry : node.entries) {
        out += margin + key_text(entry.key, Style::kBlock) + ":";
        write_value(entry.value, indent + 2, out);
    }
    for (const Node& item : node.items) {
        if (item.is_map() && !item.entries.empty()) {
            // The first key stands on the dash's line.
            std::string block;
            write_block(item, indent + 2, block);
            out += margin + "- " + block.substr(indent + 2);
        } else {
            out += margin + "-";
            write_value(item, indent + 2, out);
        }
    }
}

void append_flow(const Node& node, std::string& out) {
    if (node.is_scalar()) {
        out += scalar_text(node, Style::kFlow);
        return;
    }
    const size_t start = out.size();
    out += node.is_list() ? '[' : '{';
    for (const Node& item : node.items) {
        out += out.size() == start + 1 ? "" : ", ";
        append_flow(item, out);
    }
    for (const Entry& entry : node.entries) {
        out += out.size() == start + 1 ? "" : ", ";
        out += key_text(entry.key, Style::kFlow) + ": ";
        append_flow(entry.value, out);
    }
    out += node.is_list() ? ']' : '}';
}

std::string json_string(std::string_view text) {
    return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string json_scalar(const Node& node) {
    if (node.kind == Kind::kNull) {
        return "null";
    }
    if (node.kind == Kind::kBool) {
        return base::to_lower(node.text);
    }
    if (node.kind == Kind::kInt) {
        const auto value = as_int(node);
        return value ? std::to_string(*value) : json_string(node.text);
    }
    if (node.kind == Kind::kFloat) {
        const auto value = as_number(node);
        return value ? fmt::format("{}", *value) : json_string(node.text);
    }
    return json_string(node.text);
}

void append_json(const Node& node, size_t indent, std::string& out) {
    if (node.is_scalar()) {
        out += json_scalar(node);
        return;
    }
    if (is_one_line(node)) {
        out += node.is_list() ? "[]" : "{}";
        return;
    }
    const std::string margin(indent + 2, ' ');
    out += node.is_list() ? "[" : "{";
    const char* separator = "\n";
    for (const Node& item : node.items) {
        out += separator + margin;
        append_json(item, indent + 2, out);
        separator = ",\n";
    }
    for (const Entry& entry : node.entries) {
        out += separator + margin + json_string(entry.key) + ": ";
        append_json(entry.value, indent + 2, out);
        separator = ",\n";
    }
    out += "\n" + std::string(indent, ' ') + (node.is_list() ? "]" : "}");
}

}  // namespace

std::string write_yaml(const Node& node) {
    if (is_one_line(node)) {
        return one_line(node) + "\n";
    }
    std::string out;
    write_block(node, 0, out);
    return out;
}

std::string write_flow(const Node& node) {
    std::string out;
    append_flow(node, out);
    return out;
}

std::string write_json(const Node& node) {
    std::string out;
    append_json(node, 0, out);
    return out + "\n";
}

}  // namespace shore::config

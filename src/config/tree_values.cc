#include "config/tree_values.h"

namespace shore::config {

const Node* value_at(const Node& node, std::string_view path) {
    const Node* value = node.at(path);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_at(const Node& node, std::string_view path, std::string_view absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? std::string(absent) : value->text;
}

bool bool_at(const Node& node, std::string_view path, bool absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? absent : as_bool(*value).value_or(absent);
}

int64_t int_at(const Node& node, std::string_view path, int64_t absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? absent : as_int(*value).value_or(absent);
}

double number_at(const Node& node, std::string_view path, double absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? absent : as_number(*value).value_or(absent);
}

base::Duration duration_at(const Node& node, std::string_view path, base::Duration absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? absent : base::parse_duration(value->text).value_or(absent);
}

base::Bytes bytes_at(const Node& node, std::string_view path, base::Bytes absent) {
    const Node* value = value_at(node, path);
    return value == nullptr ? absent : base::parse_bytes(value->text).value_or(absent);
}

std::vector<std::string> texts_at(const Node& node, std::string_view path) {
    std::vector<std::string> texts;
    if (const Node* list = value_at(node, path)) {
        for (const Node& item : list->items) {
            texts.push_back(item.text);
        }
    }
    return texts;
}

std::map<std::string, std::string> pairs_at(const Node& node, std::string_view path) {
    std::map<std::string, std::string> pairs;
    if (const Node* map = value_at(node, path)) {
        for (const Entry& entry : map->entries) {
            if (!entry.value.is_null()) {
                pairs.emplace(entry.key, entry.value.text);
            }
        }
    }
    return pairs;
}

}  // namespace shore::config

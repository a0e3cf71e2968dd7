#include "config/merge.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "config/options.h"

namespace shore::config {

namespace {

/// A pattern that no row begins with: what lies below a key without a row.
constexpr std::string_view kNoRows = "?";

std::string scalar_at(const Node& item, std::string_view key) {
    const Node* value = item.find(key);
    return value == nullptr ? "" : value->text;
}

/// What makes an item of a list unique; empty: nothing does.
std::string identity(const Node& item, const Option* list) {
    if (list == nullptr || !item.is_map()) {
        return item.is_scalar() ? "=" + item.text : "";
    }
    switch (list->type) {
        case Type::kPorts:
            return fmt::format("{}|{}|{}|{}", scalar_at(item, "host_ip"),
                               scalar_at(item, "published"), scalar_at(item, "target"),
                               scalar_at(item, "protocol"));
        case Type::kMounts:
            return scalar_at(item, "target");
        case Type::kFileRefs: {
            const std::string target = scalar_at(item, "target");
            return target.empty() ? scalar_at(item, "source") : target;
        }
        case Type::kEnvFiles:
            return scalar_at(item, "path");
        default:
            return "";
    }
}

void append_unique(Node& base, Node over, const Option* list) {
    std::unordered_map<std::string, size_t> index;
    for (size_t i = 0; i < base.items.size(); ++i) {
        index.try_emplace(identity(base.items[i], list), i);
    }
    for (Node& item : over.items) {
        const std::string key = identity(item, list);
        const auto [existing, is_new] = index.try_emplace(key, base.items.size());
        if (key.empty() || is_new) {
            base.items.push_back(std::move(item));
        } else {
            base.items[existing->second] = std::move(item);
        }
    }
}

const Option* below(const Option* option, std::string_view pattern, std::string_view key) {
    if (option != nullptr && option->type == Type::kAny) {
        return option;
    }
    const std::string prefix = pattern.empty() ? "" : std::string(pattern) + ".";
    const Option* exact = find_option(prefix + std::string(key));
    return exact != nullptr ? exact : find_option(prefix + "*");
}

void merge_value(Node& base, Node over, const Option* option);

void merge_maps(Node& base, Node over, const Option* option, std::string_view pattern) {
    std::unordered_map<std::string, size_t> index;
    for (size_t i = 0; i < base.entries.size(); ++i) {
        index.try_emplace(base.entries[i].key, i);
    }
    for (Entry& entry : over.entries) {
        const auto [existing, is_new] = index.try_emplace(entry.key, base.entries.size());
        if (is_new) {
            base.entries.push_back(std::move(entry));
        } else {
            const Option* child = below(option, pattern, entry.key);
            merge_value(base.entries[existing->second].value, std::move(entry.value), child);
        }
    }
}

/// compose-spec, 13-merge: options of another logging driver do not mix.
bool is_other_logging_driver(const Node& base, const Node& over, const Option* option) {
    return option != nullptr && option->path == "services.*.logging" &&
           over.find("driver") != nullptr && base.find("driver") != nullptr &&
           scalar_at(base, "driver") != scalar_at(over, "driver");
}

void merge_value(Node& base, Node over, const Option* option) {
    const bool replaces =
        option != nullptr && (option->type == Type::kCommand || option->type == Type::kHealthTest);
    if (over.merge != MergeTag::kNone || base.kind != over.kind || over.is_scalar() || replaces ||
        is_other_logging_driver(base, over, option)) {
        base = std::move(over);
    } else if (over.is_list()) {
        append_unique(base, std::move(over), option);
    } else {
        merge_maps(base, std::move(over), option, option == nullptr ? kNoRows : option->path);
    }
}

}  // namespace

void merge_documents(Node& base, Node over) {
    merge_maps(base, std::move(over), nullptr, "");
}

void merge_services(Node& base, Node over) {
    merge_maps(base, std::move(over), find_option("services.*"), "services.*");
}

void drop_merge_tags(Node& node) {
    std::erase_if(node.entries,
                  [](const Entry& entry) { return entry.value.merge == MergeTag::kReset; });
    std::erase_if(node.items, [](const Node& item) { return item.merge == MergeTag::kReset; });
    node.merge = MergeTag::kNone;
    for (Entry& entry : node.entries) {
        drop_merge_tags(entry.value);
    }
    for (Node& item : node.items) {
        drop_merge_tags(item);
    }
}

}  // namespace shore::config

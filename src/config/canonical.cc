#include "config/canonical.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/limits.h"
#include "config/long_form.h"
#include "config/options.h"
#include "config/value_check.h"

namespace shore::config {

namespace {

std::string child_path(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

bool is_service_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && name[0] != '-' && name[0] != '.' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
           });
}

class Canonicaliser final {
 public:
    Canonicaliser(const CanonicalContext& context, Report& report)
        : context_(context), report_(report) {}

    Node map(const Node& node, std::string_view pattern, const std::string& path) {
        Node result = Node::map(node.place);
        for (const Entry& entry : node.entries) {
            const Option* option = find_option(child_path(std::string(pattern), entry.key));
            const std::string below = child_path(path, entry.key);
            if (option != nullptr) {
                add(result, entry, value(entry.value, *option, below));
            } else if (entry.key.starts_with("x-")) {
                note_near_miss(entry, pattern, below);
                add(result, entry, entry.value);
            } else {
                unknown_key(entry, pattern, path);
            }
        }
        return result;
    }

 private:
    static void add(Node& map, const Entry& entry, Node value) {
        map.entries.push_back({entry.key, entry.place, std::move(value)});
    }

    void unknown_key(const Entry& entry, std::string_view pattern, const std::string& path) {
        if (report_.full()) {
            return;
        }
        // A route in the place of its list has the keys of the service, too.
        constexpr std::string_view kItem = ".routes[]";
        if (pattern.ends_with(kItem) &&
            find_option(child_path(std::string(pattern.substr(0, pattern.size() - kItem.size())),
                                   entry.key)) != nullptr) {
            report_.problem(
                entry.place, path,
                fmt::format("\"{0}\" belongs to the service and not to one route, write "
                            "x-shore.http: {{{0}: ..., routes: [...]}}",
                            base::printable(entry.key, 60)));
            return;
        }
        std::vector<std::string> known;
        for (const Option* option : options_below(pattern)) {
            known.emplace_back(key_of(*option));
        }
        std::string hint = base::did_you_mean(entry.key, known);
        const bool is_ours = pattern.find("x-shore") != std::string_view::npos;
        if (hint.empty() && (is_ours || known.size() <= 12)) {
            hint = ", expected one of " + base::join(known, ", ");
        } else if (hint.empty()) {
            hint = ", which Compose does not have; own keys begin with x-";
        }
        report_.problem(entry.place, path,
                        fmt::format("unknown key \"{}\"{}", base::printable(entry.key, 60), hint));
    }

    /// x-shroe passes Compose in silence; say so.
    void note_near_miss(const Entry& entry, std::string_view pattern, const std::string& path) {
        const std::vector<std::string> shore = {"x-shore"};
        if (find_option(child_path(std::string(pattern), "x-shore")) != nullptr &&
            base::nearest(entry.key, shore)) {
            report_.note(entry.place, path, "not read by Shore, did you mean \"x-shore\"?");
        }
    }

    Node value(const Node& given, const Option& option, const std::string& path) {
        if (given.is_null() && option.path == "networks.*") {
            return Node::map(given.place);
        }
        if (given.merge == MergeTag::kReset || option.type == Type::kAny) {
            return given;
        }
        if (given.is_null() && option.type != Type::kNamed && option.type != Type::kMap) {
            return given;
        }
        Node node = long_form(given, option.type, path, context_, report_);
        const MergeTag merge = given.merge;
        Node result = shaped(node, option, path);
        result.merge = merge;
        return result;
    }

    Node shaped(const Node& node, const Option& option, const std::string& path) {
        switch (shape_of(option.type)) {
            case Type::kMap:
                return fixed_map(node, option, path);
            case Type::kNamed:
                return named_map(node, option, path);
            case Type::kItems:
                return items(node, option, path);
            case Type::kTexts:
                return texts(node, option, path);
            case Type::kKeyValues:
                return key_values(node, option, path);
            case Type::kPath:
                return path_value(node, path);
            default:
                break;
        }
        auto checked = check_value(node, option);
        if (!checked) {
            report_.problem(node.place, path, std::move(checked.error()));
            return Node::null(node.place);
        }
        note_decimal_mode(node, option, path);
        return std::move(*checked);
    }

    void note_decimal_mode(const Node& node, const Option& option, const std::string& path) {
        const bool looks_octal =
            node.text.size() == 3 && node.text.find_first_not_of("01234567") == std::string::npos;
        if (option.type == Type::kMode && looks_octal && node.text[0] != '0') {
            report_.note(
                node.place, path,
                fmt::format(
                    "{0} is read as a decimal number, as Compose does; write \"0{0}\" for octal",
                    node.text));
        }
    }

    bool require(const Node& node, Kind kind, const Option& option, const std::string& path) {
        if (node.kind != kind) {
            const std::string_view name = name_of(option.type);
            report_.problem(
                node.place, path,
                fmt::format("must be {}{}, got {}", name.starts_with("text") ? "" : "a ", name,
                            describe(node.kind)));
        }
        return node.kind == kind;
    }

    Node fixed_map(const Node& node, const Option& option, const std::string& path) {
        if (node.is_null() || !require(node, Kind::kMap, option, path)) {
            return Node::map(node.place);
        }
        Node result = map(node, option.path, path);
        fill_defaults(result, option);
        return result;
    }

    /// Defaults that the long form states, so that merging and comparing see them.
    static void fill_defaults(Node& map, const Option& option) {
        const auto fill = [&](std::string_view key, Node value) {
            if (map.find(key) == nullptr) {
                map.set(key, std::move(value));
            }
        };
        if (option.path == "services.*.depends_on.*") {
            fill("condition", Node::string("service_started", map.place));
            fill("required", Node::boolean(true, map.place));
        } else if (option.path == "services.*.volumes[]") {
            fill("type", Node::string("volume", map.place));
        }
    }

    Node named_map(const Node& node, const Option& option, const std::string& path) {
        Node result = Node::map(node.place);
        if (node.is_null() || !require(node, Kind::kMap, option, path)) {
            return result;
        }
        const Option* child = find_option(std::string(option.path) + ".*");
        for (const Entry& entry : node.entries) {
            if (entry.key.starts_with("x-") && entry.value.is_map() && option.path != "services") {
                add(result, entry, entry.value);
                continue;
            }
            if (!is_service_name(entry.key)) {
                report_.problem(
                    entry.place, path,
                    fmt::format(
                        "\"{}\" is no name, expected letters, digits, - _ and ., at most 63",
                        base::printable(entry.key, 80)));
                continue;
            }
            add(result, entry, value(entry.value, *child, child_path(path, entry.key)));
        }
        return result;
    }

    Node items(const Node& node, const Option& option, const std::string& path) {
        Node result = Node::list(node.place);
        if (!require(node, Kind::kList, option, path)) {
            return result;
        }
        const Option* child = find_option(std::string(option.path) + "[]");
        for (size_t i = 0; i < node.items.size(); ++i) {
            const std::string below = fmt::format("{}[{}]", path, i);
            if (node.items[i].is_null()) {
                report_.problem(node.items[i].place, below, "the item is empty");
                continue;
            }
            result.items.push_back(value(node.items[i], *child, below));
        }
        return result;
    }

    Node texts(const Node& node, const Option& option, const std::string& path) {
        Node result = Node::list(node.place);
        if (!require(node, Kind::kList, option, path)) {
            return result;
        }
        for (size_t i = 0; i < node.items.size(); ++i) {
            const Node& item = node.items[i];
            if (!item.is_scalar() || item.is_null()) {
                report_.problem(item.place, fmt::format("{}[{}]", path, i),
                                fmt::format("must be text, got {}", describe(item.kind)));
                continue;
            }
            result.items.push_back(Node::string(item.text, item.place));
        }
        return result;
    }

    Node key_values(const Node& node, const Option& option, const std::string& path) {
        Node result = Node::map(node.place);
        if (!require(node, Kind::kMap, option, path)) {
            return result;
        }
        for (const Entry& entry : node.entries) {
            if (!entry.value.is_scalar()) {
                report_.problem(entry.value.place, child_path(path, entry.key),
                                fmt::format("must be text, got {}", describe(entry.value.kind)));
                continue;
            }
            Node text = entry.value;
            text.kind = text.is_null() ? Kind::kNull : Kind::kString;
            add(result, entry, std::move(text));
        }
        return result;
    }

    Node path_value(const Node& node, const std::string& path) {
        if (!node.is_scalar() || node.text.empty()) {
            report_.problem(node.place, path, "must be a path");
            return Node::null(node.place);
        }
        return Node::string(absolute_path(node.text, context_), node.place);
    }

    const CanonicalContext& context_;
    Report& report_;
};

}  // namespace

Node canonical(const Node& document, const CanonicalContext& context, Report& report) {
    Canonicaliser canonicaliser(context, report);
    return canonicaliser.map(document, "", "");
}

std::filesystem::path directory_name(const std::filesystem::path& directory) {
    std::string name = directory.lexically_normal().string();
    while (name.size() > 1 && name.ends_with('/')) {
        name.pop_back();
    }
    return name;
}

std::string absolute_path(std::string_view text, const CanonicalContext& context) {
    // A build context may be a repository or an archive elsewhere.
    if (text.find("://") != std::string_view::npos || text.starts_with("git@")) {
        return std::string(text);
    }
    std::filesystem::path path(text);
    if (!context.home.empty() && (text == "~" || text.starts_with("~/"))) {
        path = std::filesystem::path(context.home) / text.substr(std::min<size_t>(2, text.size()));
    }
    return directory_name(context.directory / path).string();
}

}  // namespace shore::config

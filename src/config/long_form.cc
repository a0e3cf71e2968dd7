#include "config/long_form.h"

#include <array>
#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/limits.h"
#include "config/shell_words.h"

namespace shore::config {

namespace {

using base::printable;

/// {key: text}
Node map_of(std::string_view key, Node value) {
    Node map = Node::map(value.place);
    map.merge = value.merge;
    value.merge = MergeTag::kNone;
    map.set(key, std::move(value));
    return map;
}

/// The node's items without its items' shape: an empty list at the same place with the same tag.
Node empty_like(const Node& node, Kind kind) {
    Node empty = kind == Kind::kList ? Node::list(node.place) : Node::map(node.place);
    empty.merge = node.merge;
    return empty;
}

/// A map filled key by key, the last value of a key winning, in linear time.
class MapFiller final {
 public:
    explicit MapFiller(Node map) : map_(std::move(map)) {}

    void set(const std::string& key, Node value) {
        const auto [existing, is_new] = index_.try_emplace(key, map_.entries.size());
        if (is_new) {
            map_.entries.push_back({key, value.place, std::move(value)});
        } else {
            map_.entries[existing->second] = {key, value.place, std::move(value)};
        }
    }
    Node take() { return std::move(map_); }

 private:
    Node map_;
    std::unordered_map<std::string, size_t> index_;
};

/// A single scalar or map as a list of one.
Node listed(Node node) {
    if (node.is_list() || node.is_null()) {
        return node;
    }
    Node list = empty_like(node, Kind::kList);
    node.merge = MergeTag::kNone;
    list.items.push_back(std::move(node));
    return list;
}

// ---- commands ----

Node command(Node node, const std::string& path, Report& report) {
    if (!node.is_scalar() || node.is_null()) {
        return node;
    }
    Node list = empty_like(node, Kind::kList);
    const auto words = shell_words(node.text);
    if (!words) {
        report.problem(node.place, path, "a quote is not closed");
        return list;
    }
    for (const std::string& word : *words) {
        list.items.push_back(Node::string(word, node.place));
    }
    return list;
}

Node health_test(Node node, const std::string& path, Report& report) {
    if (node.is_scalar() && !node.is_null()) {
        Node list = empty_like(node, Kind::kList);
        if (node.text == "NONE") {
            list.items.push_back(Node::string("NONE", node.place));
        } else {
            list.items.push_back(Node::string("CMD-SHELL", node.place));
            list.items.push_back(Node::string(node.text, node.place));
        }
        return list;
    }
    if (node.is_list()) {
        const std::string first = node.items.empty() ? "" : node.items[0].text;
        if (first != "NONE" && first != "CMD" && first != "CMD-SHELL") {
            report.problem(node.place, path,
                           fmt::format("the first word must be CMD, CMD-SHELL or NONE, got \"{}\"",
                                       printable(first, 40)));
        } else if ((first == "CMD" && node.items.size() < 2) ||
                   (first == "CMD-SHELL" && node.items.size() != 2)) {
            report.problem(node.place, path,
                           first == "CMD" ? "CMD needs a command after it"
                                          : "CMD-SHELL needs exactly one text after it");
        }
    }
    return node;
}

// ---- maps and lists of names ----

Node key_values(Node node, bool empty_for_missing, const std::string& path, Report& report) {
    if (node.is_map()) {
        for (Entry& entry : node.entries) {
            if (entry.value.is_null() && empty_for_missing &&
                entry.value.merge == MergeTag::kNone) {
                entry.value = Node::string("", entry.value.place);
            }
        }
        return node;
    }
    if (!node.is_list()) {
        return node;
    }
    MapFiller map(empty_like(node, Kind::kMap));
    for (const Node& item : node.items) {
        if (!item.is_scalar() || item.is_null()) {
            report.problem(item.place, path,
                           fmt::format("an item must be KEY=VALUE, got {}", describe(item.kind)));
            continue;
        }
        const auto parts = base::split_once(item.text, '=');
        const std::string key(parts ? parts->first : item.text);
        if (key.empty()) {
            report.problem(item.place, path,
                           fmt::format("\"{}\" has no name before =", printable(item.text, 60)));
            continue;
        }
        Node value =
            parts ? Node::string(std::string(parts->second), item.place)
                  : (empty_for_missing ? Node::string("", item.place) : Node::null(item.place));
        map.set(key, std::move(value));
    }
    return map.take();
}

/// A list of names as a map of names to nothing (networks) or to an empty map (depends_on).
Node names_to_map(Node node, bool to_maps, const std::string& path, Report& report) {
    if (!node.is_list()) {
        return node;
    }
    MapFiller map(empty_like(node, Kind::kMap));
    for (const Node& item : node.items) {
        if (!item.is_scalar() || item.is_null()) {
            report.problem(item.place, path,
                           fmt::format("an item must be a name, got {}", describe(item.kind)));
            continue;
        }
        map.set(item.text, to_maps ? Node::map(item.place) : Node::null(item.place));
    }
    return map.take();
}

Node ulimits(Node node) {
    for (Entry& entry : node.entries) {
        if (entry.value.is_scalar() && !entry.value.is_null()) {
            Node pair = empty_like(entry.value, Kind::kMap);
            entry.value.merge = MergeTag::kNone;
            pair.set("soft", entry.value);
            pair.set("hard", entry.value);
            entry.value = std::move(pair);
        }
    }
    return node;
}

Node hosts(Node node, const std::string& path, Report& report) {
    Node list = empty_like(node, Kind::kList);
    for (const Entry& entry : node.entries) {
        for (const Node& address : listed(entry.value).items) {
            list.items.push_back(Node::string(entry.key + ":" + address.text, entry.place));
        }
    }
    if (node.is_map()) {
        return list;
    }
    for (Node& item : node.items) {
        const size_t separator = item.text.find_first_of("=:");
        if (!item.is_scalar() || separator == std::string::npos) {
            report.problem(item.place, path, "an item must be HOST:IP or HOST=IP");
            continue;
        }
        item.text[separator] = ':';
        list.items.push_back(Node::string(item.text, item.place));
    }
    return node.is_list() ? list : node;
}

// ---- ports ----

struct PortRange {
    uint32_t first = 0;
    uint32_t last = 0;
};

std::optional<PortRange> port_range(std::string_view text) {
    const auto number = [](std::string_view digits) -> std::optional<uint32_t> {
        uint32_t value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
            value > 65535) {
            return std::nullopt;
        }
        return value;
    };
    const auto parts = base::split_once(text, '-');
    const auto first = number(parts ? parts->first : text);
    const auto last = parts ? number(parts->second) : first;
    if (!first || !last || *last < *first || *last - *first >= kPortsMax) {
        return std::nullopt;
    }
    return PortRange{*first, *last};
}

Node port_item(uint32_t target, std::string published, const Node& place_of) {
    Node item = Node::map(place_of.place);
    item.set("target", Node::integer(target, place_of.place));
    if (!published.empty()) {
        item.set("published", Node::string(std::move(published), place_of.place));
    }
    return item;
}

/// [ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]; each may be a range.
bool append_ports(const Node& short_form, Node& list) {
    std::string_view text = short_form.text;
    std::string protocol;
    if (const auto parts = base::split_once(text, '/')) {
        protocol = parts->second;
        text = parts->first;
    }
    const size_t target_at = text.rfind(':') + 1;  // npos + 1 is 0.
    const auto target = port_range(text.substr(target_at));
    std::string_view rest = target_at == 0 ? std::string_view() : text.substr(0, target_at - 1);
    const size_t published_at = rest.ends_with(']') ? rest.size() : rest.rfind(':') + 1;
    std::string_view address =
        published_at == 0 ? std::string_view() : rest.substr(0, published_at - 1);
    const std::string_view published_text = rest.substr(published_at);
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    const auto published = published_text.empty() ? std::nullopt : port_range(published_text);
    if (!target || target->first == 0 || (!published_text.empty() && !published) ||
        (target_at != 0 && rest.empty())) {
        return false;
    }
    const uint32_t count = target->last - target->first + 1;
    const bool one_to_one = published && published->last - published->first + 1 == count;
    if (published && !one_to_one && count != 1) {
        return false;
    }
    for (uint32_t i = 0; i < count; ++i) {
        std::string outside;
        if (published) {
            outside =
                one_to_one ? std::to_string(published->first + i) : std::string(published_text);
        }
        Node item = port_item(target->first + i, std::move(outside), short_form);
        if (!address.empty()) {
            item.set("host_ip", Node::string(std::string(address), short_form.place));
        }
        item.set("protocol", Node::string(protocol.empty() ? "tcp" : protocol, short_form.place));
        list.items.push_back(std::move(item));
    }
    return true;
}

Node ports(Node node, const std::string& path, Report& report) {
    if (!node.is_list()) {
        return node;
    }
    Node list = empty_like(node, Kind::kList);
    for (Node& item : node.items) {
        if (list.items.size() > kPortsMax) {
            report.problem(item.place, path, fmt::format("has more than {} ports", kPortsMax));
            break;
        }
        if (item.is_map()) {
            if (item.find("protocol") == nullptr) {
                item.set("protocol", Node::string("tcp", item.place));
            }
            list.items.push_back(std::move(item));
        } else if (!item.is_scalar() || !append_ports(item, list)) {
            std::string_view hint = item.text.find('$') == std::string::npos
                                        ? ""
                                        : "; $PORT is known at start only and cannot be published";
            report.problem(
                item.place, path,
                fmt::format(
                    "\"{}\" is no port, expected [ADDRESS:][PUBLISHED:]TARGET[/tcp|/udp] with "
                    "ports 1..65535{}",
                    printable(item.text, 60), hint));
        }
    }
    return list;
}

// ---- mounts and files ----

bool is_host_path(std::string_view source) {
    return source.starts_with('/') || source.starts_with('.') || source.starts_with('~');
}

/// One word of the third part: "ro", "z", "cached", …; false when unknown.
bool mount_option(std::string_view word, const Node& at, Node& mount) {
    constexpr std::array<std::string_view, 6> kPropagation = {"shared", "rshared", "slave",
                                                              "rslave", "private", "rprivate"};
    const Node yes = Node::boolean(true, at.place);
    if (word == "ro") {
        mount.set("read_only", yes);
    } else if (word == "z" || word == "Z") {
        mount.set("bind", map_of("selinux", Node::string(std::string(word), at.place)));
    } else if (word == "nocopy") {
        mount.set("volume", map_of("nocopy", yes));
    } else if (word == "cached" || word == "delegated" || word == "consistent") {
        mount.set("consistency", Node::string(std::string(word), at.place));
    } else if (std::ranges::find(kPropagation, word) != kPropagation.end()) {
        mount.set("bind", map_of("propagation", Node::string(std::string(word), at.place)));
    } else {
        return word == "rw";
    }
    return true;
}

/// [SOURCE:]TARGET[:OPTION,…]
Node mount_of(const Node& item, const std::string& path, Report& report) {
    const auto parts = base::split(item.text, ':');
    Node mount = Node::map(item.place);
    const bool wrong = parts.size() > 3 || std::ranges::any_of(parts, [](std::string_view part) {
                           return part.empty();
                       });
    if (wrong) {
        report.problem(item.place, path,
                       fmt::format("\"{}\" is no mount, expected [SOURCE:]TARGET[:ro|rw|…]",
                                   printable(item.text, 80)));
        return mount;
    }
    const bool has_source = parts.size() > 1;
    mount.set("type",
              Node::string(has_source && is_host_path(parts[0]) ? "bind" : "volume", item.place));
    if (has_source) {
        mount.set("source", Node::string(std::string(parts[0]), item.place));
    }
    mount.set("target", Node::string(std::string(parts[has_source ? 1 : 0]), item.place));
    if (parts.size() == 3) {
        for (const std::string_view word : base::split(parts[2], ',')) {
            if (!mount_option(word, item, mount)) {
                report.problem(
                    item.place, path,
                    fmt::format(
                        "unknown mount option \"{}\", expected ro, rw, z, Z, nocopy, cached, "
                        "delegated, consistent or a propagation",
                        printable(word, 40)));
            }
        }
    }
    return mount;
}

Node mounts(Node node, const std::string& path, const CanonicalContext& context, Report& report) {
    for (Node& item : node.items) {
        if (item.is_scalar()) {
            item = mount_of(item, path, report);
        }
        const Node* type = item.find("type");
        Node* source = item.find("source");
        if (type != nullptr && type->text == "bind" && source != nullptr && source->is_scalar()) {
            source->text = absolute_path(source->text, context);
        }
    }
    return node;
}

/// Each scalar item becomes {key: item}.
Node items_to_maps(Node node, std::string_view key) {
    for (Node& item : node.items) {
        if (item.is_scalar() && !item.is_null()) {
            item = map_of(key, std::move(item));
        }
    }
    return node;
}

Node scalar_to_map(Node node, std::string_view key) {
    return node.is_scalar() && !node.is_null() ? map_of(key, std::move(node)) : node;
}

}  // namespace

Node long_form(Node node, Type type, const std::string& path, const CanonicalContext& context,
               Report& report) {
    switch (type) {
        case Type::kTexts:
            return listed(std::move(node));
        case Type::kKeyValues:
            return key_values(std::move(node),
                              path.ends_with("labels") || path.ends_with("annotations"), path,
                              report);
        case Type::kCommand:
            return command(std::move(node), path, report);
        case Type::kHealthTest:
            return health_test(std::move(node), path, report);
        case Type::kBuild:
            return scalar_to_map(std::move(node), "context");
        case Type::kExtends:
            return scalar_to_map(std::move(node), "service");
        case Type::kDependsOn:
        case Type::kEngineUses:
            return names_to_map(std::move(node), true, path, report);
        case Type::kNetworkRefs:
            return names_to_map(std::move(node), false, path, report);
        case Type::kUlimits:
            return ulimits(std::move(node));
        case Type::kPorts:
            return ports(std::move(node), path, report);
        case Type::kMounts:
            return mounts(std::move(node), path, context, report);
        case Type::kFileRefs:
            return items_to_maps(std::move(node), "source");
        case Type::kEnvFiles:
        case Type::kIncludes:
            return items_to_maps(listed(std::move(node)), "path");
        case Type::kHosts:
            return hosts(std::move(node), path, report);
        case Type::kHttp:
            return node.is_list() ? map_of("routes", std::move(node))
                                  : scalar_to_map(std::move(node), "route");
        case Type::kStatic:
            return scalar_to_map(std::move(node), "root");
        case Type::kRedirect:
            return scalar_to_map(std::move(node), "to");
        case Type::kTcp:
            return scalar_to_map(std::move(node), "port");
        case Type::kSwitch:
            return scalar_to_map(std::move(node), "enabled");
        default:
            return node;
    }
}

Type shape_of(Type type) {
    switch (type) {
        case Type::kBuild:
        case Type::kExtends:
        case Type::kHttp:
        case Type::kStatic:
        case Type::kRedirect:
        case Type::kTcp:
        case Type::kSwitch:
            return Type::kMap;
        case Type::kDependsOn:
        case Type::kNetworkRefs:
        case Type::kEngineUses:
        case Type::kUlimits:
            return Type::kNamed;
        case Type::kPorts:
        case Type::kMounts:
        case Type::kFileRefs:
        case Type::kEnvFiles:
        case Type::kIncludes:
            return Type::kItems;
        case Type::kCommand:
        case Type::kHealthTest:
        case Type::kHosts:
            return Type::kTexts;
        default:
            return type;
    }
}

}  // namespace shore::config

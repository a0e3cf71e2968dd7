#include "config/options.h"

#include <algorithm>
#include <map>
#include <string>

namespace shore::config {

namespace {

struct Index {
    std::vector<const Option*> all;
    std::map<std::string, const Option*, std::less<>> by_path;
    std::map<std::string, std::vector<const Option*>, std::less<>> below;
};

/// Path of the map that holds the key: "a.*" of "a.*.b"; "" of "a". Rows for "*" and "[]" are no
/// keys of a map.
std::string_view parent_of(std::string_view path) {
    const size_t dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

constexpr std::string_view kHttp = "services.*.x-shore.http";
constexpr std::string_view kRouteItem = "services.*.x-shore.http.routes[]";
constexpr std::string_view kStatic = "services.*.x-shore.static";

/// Keys of x-shore.http that belong to the service and not to one of its routes.
constexpr std::string_view kOfTheService[] = {
    "routes",  "port",    "health",     "health_status", "health_body",
    "circuit", "outlier", "slow_start", "protocol",      "proxy_protocol"};
/// Keys of a route that a service of files has, too.
constexpr std::string_view kOfFiles[] = {
    "path", "path_regex",         "method",      "header", "query", "source",
    "name", "client_certificate", "strip_prefix"};

bool is_one_of(std::string_view key, std::span<const std::string_view> keys) {
    return std::ranges::find(keys, key) != keys.end();
}

/// A route's rows stand once, at x-shore.http; here the other places get the same rows.
void add_route_keys(Index& index) {
    const std::vector<const Option*> rows = index.below[std::string(kHttp)];
    const auto add = [&index](std::string_view place, const Option* row) {
        const std::string path = std::string(place) + "." + std::string(key_of(*row));
        if (index.by_path.emplace(path, row).second) {
            index.below[std::string(place)].push_back(row);
        }
    };
    for (const Option* const row : rows) {
        if (!is_one_of(key_of(*row), kOfTheService)) {
            add(kRouteItem, row);
        }
        if (is_one_of(key_of(*row), kOfFiles)) {
            add(kStatic, row);
        }
    }
}

Index build_index() {
    Index index;
    for (const auto table : {top_options(), service_options(), deploy_options(), shore_options()}) {
        for (const Option& option : table) {
            index.all.push_back(&option);
            index.by_path.emplace(option.path, &option);
            if (!option.path.ends_with("*") && !option.path.ends_with("[]")) {
                index.below[std::string(parent_of(option.path))].push_back(&option);
            }
        }
    }
    add_route_keys(index);
    return index;
}

/// Immutable after its first use; any thread.
const Index& index() {
    static const Index index = build_index();
    return index;
}

}  // namespace

const std::vector<const Option*>& all_options() {
    return index().all;
}

const Option* find_option(std::string_view path) {
    const auto found = index().by_path.find(path);
    return found == index().by_path.end() ? nullptr : found->second;
}

const std::vector<const Option*>& options_below(std::string_view path) {
    static const std::vector<const Option*> none;
    const auto found = index().below.find(path);
    return found == index().below.end() ? none : found->second;
}

std::string_view key_of(const Option& option) {
    return option.path.substr(option.path.rfind('.') + 1);  // npos + 1 is 0.
}

std::string_view name_of(Type type) {
    struct Name {
        Type type;
        std::string_view name;
    };
    static constexpr Name kNames[] = {
        {Type::kText, "text"},
        {Type::kBool, "boolean"},
        {Type::kInt, "whole number"},
        {Type::kNumber, "number"},
        {Type::kDuration, "duration"},
        {Type::kBytes, "size"},
        {Type::kChoice, "choice"},
        {Type::kMode, "file mode"},
        {Type::kPath, "path"},
        {Type::kAny, "any"},
        {Type::kTexts, "text or a list of texts"},
        {Type::kKeyValues, "map or a list of KEY=VALUE"},
        {Type::kMap, "map"},
        {Type::kNamed, "map of names"},
        {Type::kItems, "list"},
        {Type::kCommand, "text or a list of words"},
        {Type::kHealthTest, "text or a list"},
        {Type::kBuild, "directory or a map"},
        {Type::kExtends, "service or a map"},
        {Type::kDependsOn, "list of services or a map"},
        {Type::kNetworkRefs, "list of networks or a map"},
        {Type::kEngineUses, "list of engines or a map"},
        {Type::kUlimits, "map of limits"},
        {Type::kPorts, "list of ports"},
        {Type::kMounts, "list of mounts"},
        {Type::kFileRefs, "list of names or maps"},
        {Type::kEnvFiles, "path, list of paths or maps"},
        {Type::kIncludes, "path, list of paths or maps"},
        {Type::kHosts, "map or a list of HOST:IP"},
        {Type::kHttp, "route, list of routes or a map"},
        {Type::kStatic, "directory or a map"},
        {Type::kRedirect, "address or a map"},
        {Type::kTcp, "whole number or a map"},
        {Type::kSwitch, "boolean or a map"},
    };
    return std::ranges::find(kNames, type, &Name::type)->name;
}

}  // namespace shore::config

#include "config/route_builder.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/addresses.h"
#include "config/api_versions.h"
#include "config/limits.h"
#include "config/pattern.h"
#include "config/route_actions.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

using model::HttpRoute;

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return text;
}

bool is_path(std::string_view text) {
    return text.starts_with('/') && text.find_first_of(" ?#") == std::string_view::npos;
}

/// "shop.example.com" or "*.example.com".
bool is_host(std::string_view text) {
    if (text.starts_with("*.")) {
        text.remove_prefix(2);
    }
    return !text.empty() && text.find_first_of(" /:*?#") == std::string_view::npos;
}

/// Reads one route; keys that `node` lacks are looked up in `defaults`.
class RouteBuilder final {
 public:
    RouteBuilder(const Node& node, const Node* defaults, std::string path, Report& report)
        : node_(node), defaults_(defaults), path_(std::move(path)), report_(report) {}

    HttpRoute build() {
        place();
        hosts();
        conditions();
        route_.strip_prefix = flag("strip_prefix", false);
        route_.timeout = duration("timeout", route_.timeout);
        route_.compress = flag("compress", route_.compress);
        route_.client_certificate = flag("client_certificate", route_.client_certificate);
        decompress();
        cache();
        name();
        build_actions(node_, defaults_, path_, route_, report_);
        return std::move(route_);
    }

 private:
    const Node* find(std::string_view key) const {
        const Node* const own = value_at(node_, key);
        return own != nullptr || defaults_ == nullptr ? own : value_at(*defaults_, key);
    }
    /// The map that a group of keys is read from: the route's own or its default, never a mixture.
    const Node& source_of(std::string_view key) const {
        return value_at(node_, key) != nullptr || defaults_ == nullptr ? node_ : *defaults_;
    }
    std::string text(std::string_view key) const { return text_at(source_of(key), key); }
    bool flag(std::string_view key, bool absent) const {
        return bool_at(source_of(key), key, absent);
    }
    Duration duration(std::string_view key, Duration absent) const {
        return duration_at(source_of(key), key, absent);
    }
    std::vector<std::string> texts(std::string_view key) const {
        return texts_at(source_of(key), key);
    }

    void problem(std::string_view key, std::string message) {
        const Node* const node = find(key);
        report_.problem(node == nullptr ? node_.place : node->place,
                        fmt::format("{}.{}", path_, key), std::move(message));
    }

    bool is_pattern(std::string_view key, const std::string& pattern) {
        const auto fault = pattern_fault(pattern);
        if (fault) {
            problem(key, fmt::format("must be a pattern as RE2 reads it, got \"{}\": {}",
                                     base::printable(pattern, 60), base::printable(*fault, 120)));
        }
        return !fault;
    }

    void cache() {
        if (const Node* const node = find("cache")) {
            route_.cache = {.enabled = bool_at(*node, "enabled", true),
                            .negative = duration_at(*node, "negative", Duration::zero()),
                            .heuristic = bool_at(*node, "heuristic", false),
                            .reload = bool_at(*node, "reload", false)};
        }
    }

    /// One of route, path and path_regex; a route's own wins over what stands beside `routes`.
    void place() {
        std::vector<std::string> given;
        for (const char* const key : {"route", "path", "path_regex"}) {
            if (value_at(node_, key) != nullptr) {
                given.emplace_back(key);
            }
        }
        if (given.size() > 1) {
            problem(given[1], fmt::format("stands beside {}; give one of them", given[0]));
        }
        const bool inherits = given.empty();
        const std::string prefix = inherits ? text("route") : text_at(node_, "route");
        const std::string exact = inherits ? text("path") : text_at(node_, "path");
        const std::string pattern = inherits ? text("path_regex") : text_at(node_, "path_regex");
        if (!prefix.empty()) {
            route_.path_prefix = prefix;
            if (!is_path(prefix)) {
                problem("route", fmt::format("must be a path that begins with /, got \"{}\"",
                                             base::printable(prefix, 60)));
            }
            while (route_.path_prefix.size() > 1 && route_.path_prefix.ends_with('/')) {
                route_.path_prefix.pop_back();
            }
        } else if (find("route") != nullptr && exact.empty() && pattern.empty()) {
            problem("route", "must be a path that begins with /, got \"\"");
        }
        route_.conditions.path_exact = exact;
        if (!exact.empty() && !is_path(exact)) {
            problem("path", fmt::format("must be a path that begins with /, got \"{}\"",
                                        base::printable(exact, 60)));
        }
        if (!pattern.empty() && is_pattern("path_regex", pattern)) {
            if (!may_begin_with_slash(pattern)) {
                problem("path_regex",
                        fmt::format("is compared with the whole path, which begins with /; \"{}\" "
                                    "can fit none",
                                    base::printable(pattern, 60)));
            }
            route_.conditions.path_pattern = pattern;
        }
    }

    void hosts() {
        for (const std::string& host : texts("host")) {
            if (!is_host(host)) {
                problem("host", fmt::format("must be a host name without port, or *.NAME, got "
                                            "\"{}\"",
                                            base::printable(host, 60)));
            }
            route_.hosts.push_back(base::to_lower(host));
        }
    }

    void conditions() {
        for (const std::string& method : texts("method")) {
            if (!is_token(method)) {
                problem("method", fmt::format("must be a method such as GET, got \"{}\"",
                                              base::printable(method, 40)));
            }
            route_.conditions.methods.push_back(upper(method));
        }
        fields("header", route_.conditions.headers);
        fields("query", route_.conditions.query);
        for (const std::string& network : texts("source")) {
            if (!is_network(network)) {
                problem("source", fmt::format("must be a network such as 10.0.0.0/8, got \"{}\"",
                                              base::printable(network, 60)));
            }
            route_.conditions.sources.push_back(network);
        }
    }

    /// NAME: VALUE is exact, NAME: ~PATTERN a pattern, NAME: "*" or without a value its presence.
    void fields(std::string_view key, std::vector<model::FieldCondition>& conditions) {
        const Node* const map = find(key);
        if (map == nullptr) {
            return;
        }
        const bool is_header = key == "header";
        for (const Entry& entry : map->entries) {
            model::FieldCondition condition{.name =
                                                is_header ? base::to_lower(entry.key) : entry.key};
            const std::string& value = entry.value.text;
            if (is_header && !is_token(entry.key)) {
                problem(key, fmt::format("must be a header's name, got \"{}\"",
                                         base::printable(entry.key, 60)));
            }
            if (value.starts_with('~')) {
                condition.pattern = value.substr(1);
                is_pattern(key, condition.pattern);
            } else if (value != "*") {
                condition.value = value;
            }
            conditions.push_back(std::move(condition));
        }
    }

    void decompress() {
        const Node* const node = find("decompress");
        if (node == nullptr) {
            return;
        }
        route_.decompress = bool_at(*node, "enabled", true);
        route_.decompressed_max = bytes_at(*node, "max_size", route_.decompressed_max);
        route_.decompress_ratio_max =
            static_cast<uint32_t>(int_at(*node, "max_ratio", route_.decompress_ratio_max));
    }

    void name() {
        route_.actions.name = text_at(node_, "name");
        const std::string& name = route_.actions.name;
        const bool fine = name.size() <= 63 && std::ranges::all_of(name, [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                     (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                          });
        if (!fine) {
            problem("name", fmt::format("must be letters, digits, - _ and ., at most 63, got "
                                        "\"{}\"",
                                        base::printable(name, 80)));
        }
    }

    const Node& node_;
    const Node* defaults_;
    std::string path_;
    Report& report_;
    HttpRoute route_;
};

/// Two routes of one service that want the same requests: the second would never get one.
void check_same(const Node& list, const std::string& path, const std::vector<HttpRoute>& routes,
                Report& report) {
    std::set<std::string> taken;
    for (size_t i = 0; i < routes.size(); ++i) {
        std::vector<std::string> hosts = routes[i].hosts;
        if (hosts.empty()) {
            hosts.emplace_back();
        }
        for (const std::string& host : hosts) {
            const std::string match = model::describe_match(routes[i], host);
            if (!taken.insert(match).second) {
                report.problem(list.items[i].place, fmt::format("{}.routes[{}]", path, i),
                               fmt::format("an earlier route takes the same requests ({})", match));
            }
        }
    }
}

}  // namespace

std::vector<HttpRoute> build_routes(const Node& node, const std::string& path, Report& report) {
    std::vector<HttpRoute> routes;
    const Node* const list = value_at(node, "routes");
    if (list == nullptr) {
        return expand_versions(RouteBuilder(node, nullptr, path, report).build(), node, nullptr,
                               path, report);
    }
    if (list->items.empty() || list->items.size() > kRoutesMax) {
        report.problem(
            list->place, path + ".routes",
            fmt::format("must have 1..{} routes, got {}", kRoutesMax, list->items.size()));
        return {HttpRoute{}};
    }
    for (size_t i = 0; i < list->items.size(); ++i) {
        routes.push_back(
            RouteBuilder(list->items[i], &node, fmt::format("{}.routes[{}]", path, i), report)
                .build());
    }
    check_same(*list, path, routes, report);
    std::vector<HttpRoute> expanded;
    for (size_t i = 0; i < routes.size(); ++i) {
        std::ranges::move(expand_versions(std::move(routes[i]), list->items[i], &node,
                                          fmt::format("{}.routes[{}]", path, i), report),
                          std::back_inserter(expanded));
    }
    return expanded;
}

}  // namespace shore::config

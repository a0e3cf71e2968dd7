#include "config/api_versions.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "config/limits.h"
#include "config/route_actions.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

using model::HttpRoute;

constexpr size_t kLinkBytesMax = 300;

/// A day, or a moment of RFC 3339.
std::optional<WallTime> moment(std::string_view text) {
    const auto time = base::parse_rfc3339(text.size() == 10 ? fmt::format("{}T00:00:00Z", text)
                                                            : std::string(text));
    return time ? std::optional(*time) : std::nullopt;
}

/// `name` for a pattern of RE2.
std::string quoted(std::string_view name) {
    return base::replace_all(std::string(name), ".", "\\.");
}

class Versions final {
 public:
    Versions(HttpRoute route, const Node& node, const Node* defaults, const std::string& path,
             Report& report)
        : base_(std::move(route)), node_(node), defaults_(defaults), path_(path), report_(report) {}

    std::vector<HttpRoute> expand() {
        const Node* const versions = find("versions");
        if (versions == nullptr) {
            for (const std::string_view key : {"version_by", "version_default"}) {
                if (value_at(node_, key) != nullptr) {
                    problem(key, "needs versions, which it chooses from");
                }
            }
            return {std::move(base_)};
        }
        std::vector<HttpRoute> routes;
        std::vector<std::string> names;
        if (!choose_way(*versions)) {
            return {std::move(base_)};
        }
        for (const Entry& entry : versions->entries) {
            if (!is_name(entry.key)) {
                problem("versions",
                        fmt::format("must be named with letters, digits, - _ and ., got "
                                    "\"{}\"",
                                    base::printable(entry.key, 60)));
                continue;
            }
            names.push_back(entry.key);
            routes.push_back(of_version(entry.key, entry.value));
            ask_for(routes.back(), entry.key);
        }
        refuse_others(routes, names);
        add_default(routes, *versions, names);
        return routes;
    }

 private:
    enum class Way : uint8_t { kPath, kHeader, kMediaType };

    const Node* find(std::string_view key) const {
        const Node* const own = value_at(node_, key);
        return own != nullptr || defaults_ == nullptr ? own : value_at(*defaults_, key);
    }
    std::string text(std::string_view key) const {
        const Node* const node = find(key);
        return node == nullptr ? std::string() : node->text;
    }
    void problem(std::string_view key, std::string message) {
        const Node* const node = find(key);
        report_.problem(node == nullptr ? node_.place : node->place,
                        fmt::format("{}.{}", path_, key), std::move(message));
    }
    static bool is_name(std::string_view name) {
        return !name.empty() && name.size() <= 40 && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_' || c == '.';
        });
    }

    bool choose_way(const Node& versions) {
        const std::string words = find("version_by") == nullptr ? "path" : text("version_by");
        const auto parts = base::split_once(words, ' ');
        if (versions.entries.empty()) {
            problem("versions", "must name at least one version");
            return false;
        }
        if (words == "path") {
            way_ = Way::kPath;
            if (!base_.conditions.path_exact.empty() || !base_.conditions.path_pattern.empty()) {
                problem("version_by", "is path, which needs route: the version follows its prefix");
                return false;
            }
            return true;
        }
        if (words == "media_type") {
            way_ = Way::kMediaType;
            return true;
        }
        if (parts && parts->first == "header" && is_token(base::trim(parts->second))) {
            way_ = Way::kHeader;
            header_ = base::to_lower(base::trim(parts->second));
            return true;
        }
        problem("version_by", fmt::format("must be path, header NAME or media_type, got \"{}\"",
                                          base::printable(words, 60)));
        return false;
    }

    /// The base as the version's service answers it, with what it tells about its end.
    HttpRoute of_version(const std::string& name, const Node& node) {
        HttpRoute route = base_;
        std::string& label = route.actions.name;
        label = label.empty() ? name : fmt::format("{}.{}", label, name);
        if (const std::string service = text_at(node, "service"); !service.empty()) {
            route.actions.split = {{.service = service, .weight = 1}};
        }
        const auto deprecated = time_at(node, name, "deprecated");
        const auto sunset = time_at(node, name, "sunset");
        if (deprecated && sunset && *sunset < *deprecated) {
            problem("versions", fmt::format("the sunset of {} comes before its deprecation "
                                            "(RFC 9745 section 4)",
                                            name));
        }
        model::HeaderEdits& edits = route.actions.response;
        if (deprecated) {  // RFC 9745 section 2.1: a structured Date.
            edits.set.push_back(
                {"Deprecation",
                 fmt::format("@{}", std::chrono::floor<std::chrono::seconds>(*deprecated)
                                        .time_since_epoch()
                                        .count())});
        }
        if (sunset) {  // RFC 8594 section 3.
            edits.set.push_back({"Sunset", base::to_http_date(*sunset)});
        }
        add_links(edits, node, name, deprecated.has_value(), sunset.has_value());
        return route;
    }

    void add_links(model::HeaderEdits& edits, const Node& node, const std::string& name,
                   bool deprecated, bool sunset) {
        const std::string link = text_at(node, "link");
        if (link.empty()) {
            return;
        }
        if (link.size() > kLinkBytesMax || link.find_first_of("<>\" \t\r\n") != std::string::npos) {
            problem("versions",
                    fmt::format("the link of {} must be a URL of at most {} bytes, got \"{}\"",
                                name, kLinkBytesMax, base::printable(link, 60)));
            return;
        }
        if (!deprecated && !sunset) {
            problem("versions", fmt::format("the link of {} goes with deprecated or sunset", name));
        }
        for (const auto& [wanted, relation] :
             {std::pair(deprecated, "deprecation"), std::pair(sunset, "sunset")}) {
            if (wanted) {
                edits.add.push_back({"Link", fmt::format("<{}>; rel=\"{}\"", link, relation)});
            }
        }
    }

    std::optional<WallTime> time_at(const Node& node, const std::string& name,
                                    std::string_view key) {
        const std::string text = text_at(node, key);
        if (text.empty()) {
            return std::nullopt;
        }
        const auto time = moment(text);
        if (!time) {
            problem("versions", fmt::format("{} of {} must be a day such as 2026-12-31, got \"{}\"",
                                            key, name, base::printable(text, 40)));
        }
        return time;
    }

    /// Conditions that only requests for the version fulfil.
    void ask_for(HttpRoute& route, const std::string& name) const {
        switch (way_) {
            case Way::kPath:
                route.path_prefix = base_.path_prefix == "/"
                                        ? fmt::format("/{}", name)
                                        : fmt::format("{}/{}", base_.path_prefix, name);
                break;
            case Way::kHeader:
                route.conditions.headers.push_back({.name = header_, .value = name, .pattern = ""});
                break;
            case Way::kMediaType: {
                // "application/vnd.shop.v1+json", or "application/json; version=1".
                const std::string_view number =
                    name.starts_with('v') ? std::string_view(name).substr(1) : name;
                route.conditions.headers.push_back(
                    {.name = "accept",
                     .value = "",
                     .pattern = fmt::format("(?i)(.*[.+-]{}([+;, ].*)?|"
                                            ".*;\\s*(v|version)\\s*=\\s*\"?v?{}\"?(\\s*[;,].*)?)",
                                            quoted(name), quoted(number))});
                break;
            }
        }
    }

    void refuse_others(std::vector<HttpRoute>& routes, const std::vector<std::string>& names) {
        if (way_ == Way::kPath) {
            return;  // "/api/v9" is a path like any other.
        }
        HttpRoute route = base_;
        route.actions = {};
        route.actions.name = fmt::format("{}{}unknown-version", base_.actions.name,
                                         base_.actions.name.empty() ? "" : ".");
        route.actions.refusal = {
            .status = static_cast<uint16_t>(way_ == Way::kHeader ? 400 : 406),
            .detail = fmt::format("This version of the API does not exist; there are {}.",
                                  base::join(names, ", "))};
        if (way_ == Way::kHeader) {
            route.conditions.headers.push_back({.name = header_, .value = "", .pattern = ""});
        } else {
            route.conditions.headers.push_back(
                {.name = "accept",
                 .value = "",
                 .pattern = "(?i)(.*/vnd\\.[^,;]*[.+-]v[0-9][^,;]*([,;].*)?|"
                            ".*;\\s*(v|version)\\s*=\\s*\"?v?[0-9].*)"});
        }
        routes.push_back(std::move(route));
    }

    /// Without a default, requests that name no version go to the route's own service.
    void add_default(std::vector<HttpRoute>& routes, const Node& versions,
                     const std::vector<std::string>& names) {
        const std::string name = text("version_default");
        if (name.empty()) {
            routes.push_back(base_);
            return;
        }
        const Node* const version = versions.find(name);
        if (version == nullptr) {
            problem("version_default",
                    fmt::format("must be one of versions, got \"{}\"{}", base::printable(name, 60),
                                base::did_you_mean(name, names)));
            return;
        }
        routes.push_back(of_version(name, *version));
        std::string& label = routes.back().actions.name;
        label = base_.actions.name;
    }

    HttpRoute base_;
    const Node& node_;
    const Node* defaults_;
    const std::string& path_;
    Report& report_;
    Way way_ = Way::kPath;
    std::string header_;
};

}  // namespace

std::vector<HttpRoute> expand_versions(HttpRoute route, const Node& node, const Node* defaults,
                                       const std::string& path, Report& report) {
    return Versions(std::move(route), node, defaults, path, report).expand();
}

}  // namespace shore::config

#include "config/route_actions.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/limits.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
/// Fields that frame a message or belong to one hop (RFC 9110 section 7.6.1).
constexpr std::array<std::string_view, 9> kFramingFields = {
    "connection", "content-length",    "keep-alive", "proxy-connection", "te", "trailer",
    "upgrade",    "transfer-encoding", "expect"};
constexpr std::array<std::string_view, 4> kBlanks = {"host", "path", "rest", "query"};
constexpr std::array<int64_t, 5> kRedirectStatuses = {301, 302, 303, 307, 308};

bool is_group(std::string_view blank) {
    return blank.size() == 1 && blank[0] >= '1' && blank[0] <= '9';
}

class ActionsBuilder final {
 public:
    ActionsBuilder(const Node& node, const Node* defaults, const std::string& path,
                   model::HttpRoute& route, Report& report)
        : node_(node), defaults_(defaults), path_(path), route_(route), report_(report) {}

    void build() {
        model::RouteActions& actions = route_.actions;
        redirect();
        actions.rewrite = text("rewrite");
        check_template("rewrite", actions.rewrite);
        if (!actions.rewrite.empty() && !actions.rewrite.starts_with('/') &&
            !actions.rewrite.starts_with('{')) {
            problem("rewrite", fmt::format("must be a path that begins with /, got \"{}\"",
                                           base::printable(actions.rewrite, 60)));
        }
        if (!actions.rewrite.empty() && route_.strip_prefix) {
            problem("rewrite", "stands beside strip_prefix; {rest} is the path without the prefix");
        }
        if (stands_here("rewrite") && !actions.redirect.to.empty()) {
            problem("rewrite", "stands beside redirect, which asks no app; give one of them");
        }
        edits("request_headers", actions.request);
        edits("response_headers", actions.response);
        balance();
        session();
        split();
        mirror();
        actions.try_timeout = duration_at(source_of("try_timeout"), "try_timeout", {});
        actions.deadline = duration_at(source_of("deadline"), "deadline", {});
        if (stands_here("try_timeout") && actions.try_timeout > route_.timeout) {
            problem("try_timeout",
                    fmt::format("must be at most timeout ({}), which all tries share",
                                base::to_text(route_.timeout)));
        }
    }

 private:
    const Node* find(std::string_view key) const {
        const Node* const own = value_at(node_, key);
        return own != nullptr || defaults_ == nullptr ? own : value_at(*defaults_, key);
    }
    const Node& source_of(std::string_view key) const {
        return value_at(node_, key) != nullptr || defaults_ == nullptr ? node_ : *defaults_;
    }
    std::string text(std::string_view key) const { return text_at(source_of(key), key); }
    /// Whether the route itself says it; what it inherits may suit other routes better.
    bool stands_here(std::string_view key) const { return value_at(node_, key) != nullptr; }
    void problem(std::string_view key, std::string message) {
        const Node* const node = find(key);
        report_.problem(node == nullptr ? node_.place : node->place,
                        fmt::format("{}.{}", path_, key), std::move(message));
    }

    void redirect() {
        const Node* const node = find("redirect");
        if (node == nullptr) {
            return;
        }
        model::Redirect& redirect = route_.actions.redirect;
        redirect.to = text_at(*node, "to");
        const int64_t status = int_at(*node, "status", redirect.status);
        if (std::ranges::find(kRedirectStatuses, status) == kRedirectStatuses.end()) {
            problem("redirect.status",
                    fmt::format("must be 301, 302, 303, 307 or 308, got {}", status));
        }
        redirect.status = static_cast<uint16_t>(status);
        if (!redirect.to.starts_with('/') && !redirect.to.starts_with("http://") &&
            !redirect.to.starts_with("https://")) {
            problem("redirect", fmt::format("must lead to http://, https:// or a path, got \"{}\"",
                                            base::printable(redirect.to, 60)));
        }
        check_template("redirect", redirect.to);
    }

    /// Every blank is known, and groups need a pattern.
    void check_template(std::string_view key, std::string_view text) {
        if (text.find_first_of(" \t\r\n") != std::string_view::npos) {
            problem(key, "must not hold white space");
        }
        for (size_t open = text.find('{'); open != std::string_view::npos;
             open = text.find('{', open + 1)) {
            const size_t close = text.find('}', open);
            if (close == std::string_view::npos) {
                problem(key, fmt::format("has a {{ without its }}, got \"{}\"",
                                         base::printable(std::string(text), 60)));
                return;
            }
            const std::string_view blank = text.substr(open + 1, close - open - 1);
            if (is_group(blank)) {
                if (route_.conditions.path_pattern.empty()) {
                    problem(key, fmt::format("{{{}}} is a group of path_regex, which is not given",
                                             blank));
                }
            } else if (std::ranges::find(kBlanks, blank) == kBlanks.end()) {
                problem(key, fmt::format("knows {{host}}, {{path}}, {{rest}}, {{query}} and "
                                         "{{1}}..{{9}}, got \"{{{}}}\"",
                                         base::printable(std::string(blank), 40)));
            }
        }
    }

    void edits(const std::string& key, model::HeaderEdits& edits) {
        const Node* const node = find(key);
        if (node == nullptr) {
            return;
        }
        size_t bytes = 0;
        for (const char* const list : {"set", "add"}) {
            auto& fields = list == std::string_view("set") ? edits.set : edits.add;
            const Node* const map = value_at(*node, list);
            for (const Entry& entry : map == nullptr ? std::vector<Entry>() : map->entries) {
                check_field(key, entry.key);
                const bool is_visible = std::ranges::all_of(entry.value.text, [](char c) {
                    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
                });
                if (!is_visible) {
                    problem(key, fmt::format("the value of {} must be one line", entry.key));
                }
                bytes += entry.key.size() + entry.value.text.size() + 4;
                fields.push_back({entry.key, entry.value.text});
            }
        }
        edits.remove = texts_at(*node, "remove");
        for (const std::string& name : edits.remove) {
            check_field(key, name);
        }
        if (bytes > kHeaderEditBytesMax) {
            problem(key,
                    fmt::format("must have at most {} bytes, got {}", kHeaderEditBytesMax, bytes));
        }
    }

    void check_field(const std::string& key, const std::string& name) {
        if (!is_token(name)) {
            problem(key,
                    fmt::format("must be headers' names, got \"{}\"", base::printable(name, 60)));
        } else if (std::ranges::find(kFramingFields, base::to_lower(name)) !=
                   kFramingFields.end()) {
            problem(key, fmt::format("{} belongs to the connection and cannot be changed", name));
        }
    }

    /// "address", "header NAME" or "cookie NAME".
    bool client_key(std::string_view words) {
        model::RouteActions& actions = route_.actions;
        const auto parts = base::split_once(words, ' ');
        const std::string name(parts ? base::trim(parts->second) : std::string_view());
        if (words == "address") {
            actions.key = model::ClientKey::kAddress;
            return true;
        }
        if (!parts || !is_token(name)) {
            return false;
        }
        actions.key = parts->first == "header"   ? model::ClientKey::kHeader
                      : parts->first == "cookie" ? model::ClientKey::kCookie
                                                 : model::ClientKey::kNone;
        actions.key_name = actions.key == model::ClientKey::kHeader ? base::to_lower(name) : name;
        return actions.key != model::ClientKey::kNone;
    }

    void balance() {
        const std::string words = text("balance");
        if (words.empty() || words == "least_requests") {
            return;
        }
        if (words == "round_robin") {
            route_.actions.balance = model::Balance::kRoundRobin;
        } else if (words.starts_with("hash ") && client_key(std::string_view(words).substr(5))) {
            route_.actions.balance = model::Balance::kHash;
        } else {
            problem("balance", fmt::format("must be least_requests, round_robin, hash address, "
                                           "hash header NAME or hash cookie NAME, got \"{}\"",
                                           base::printable(words, 60)));
        }
    }

    void session() {
        const std::string words = text("sticky");
        model::RouteActions& actions = route_.actions;
        if (stands_here("sticky_for") && !words.starts_with("cookie ")) {
            problem("sticky_for", "is the life of the cookie of sticky: cookie NAME");
        }
        if (words.empty()) {
            return;
        }
        if (!text("balance").empty() && actions.balance == model::Balance::kHash) {
            problem("sticky", "stands beside balance: hash, which does the same; give one of them");
        } else if (!client_key(words)) {
            problem("sticky", fmt::format("must be cookie NAME, header NAME or address, got \"{}\"",
                                          base::printable(words, 60)));
        } else if (actions.key == model::ClientKey::kCookie) {
            actions.session = true;
            actions.session_life = duration_at(source_of("sticky_for"), "sticky_for", {});
        } else {
            actions.balance = model::Balance::kHash;
        }
    }

    void split() {
        const Node* const map = find("split");
        if (map == nullptr) {
            return;
        }
        uint64_t total = 0;
        for (const Entry& entry : map->entries) {
            const auto weight = static_cast<uint32_t>(as_int(entry.value).value_or(0));
            total += weight;
            route_.actions.split.push_back({.service = entry.key, .weight = weight});
        }
        if (total == 0 && !report_.failed_below(fmt::format("{}.split", path_))) {
            problem("split", "must give a service a weight above 0");
        }
    }

    void mirror() {
        const Node* const node = find("mirror");
        if (node == nullptr) {
            return;
        }
        route_.actions.mirror = {.service = text_at(*node, "service"),
                                 .share = number_at(*node, "percent", 100) / 100};
        if (route_.actions.mirror.service.empty()) {
            problem("mirror", "needs \"service\", which gets the copies");
        }
    }

    const Node& node_;
    const Node* defaults_;
    const std::string& path_;
    model::HttpRoute& route_;
    Report& report_;
};

}  // namespace

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kTokenMarks.contains(c);
    });
}

void build_actions(const Node& node, const Node* defaults, const std::string& path,
                   model::HttpRoute& route, Report& report) {
    ActionsBuilder(node, defaults, path, route, report).build();
}

model::UpstreamPolicy build_upstream_policy(const Node& http) {
    model::UpstreamPolicy policy;
    policy.requests_max =
        static_cast<uint32_t>(int_at(http, "circuit.connections", policy.requests_max));
    policy.waiting_max = static_cast<uint32_t>(int_at(http, "circuit.waiting", policy.waiting_max));
    policy.wait = duration_at(http, "circuit.wait", policy.wait);
    policy.retry_share = number_at(http, "circuit.retries", policy.retry_share);
    policy.failures_max =
        static_cast<uint32_t>(int_at(http, "outlier.failures", policy.failures_max));
    policy.ejected_share = number_at(http, "outlier.max_ejected", policy.ejected_share);
    policy.slow_start = duration_at(http, "slow_start", policy.slow_start);
    const std::string protocol = text_at(http, "protocol");
    policy.protocol = protocol == "h2"     ? model::UpstreamProtocol::kHttp2
                      : protocol == "grpc" ? model::UpstreamProtocol::kGrpc
                                           : model::UpstreamProtocol::kHttp1;
    return policy;
}

}  // namespace shore::config

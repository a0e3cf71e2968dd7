// Conditions: what a route asks of a request besides host and path prefix, compiled. And the view
// of a request that routing works on: pieces of the receive buffer, nothing copied.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/network.h"
#include "gateway/pattern.h"
#include "model/http_route.h"
#include "wire/http1_head.h"

namespace shore::gateway {

struct RequestView {
    std::string_view host;       ///< Without its port, any case.
    std::string_view path;       ///< Normalised; begins with '/'.
    const char* data = nullptr;  ///< What `head` was parsed from.
    const wire::RequestHead* head = nullptr;
    AddressBytes peer{};
    std::span<const Network> trusted;  ///< Proxies whose X-Forwarded-For is believed.
};

/// The client's address: the peer's, or behind trusted proxies the last one in X-Forwarded-For that
/// is none of them.
AddressBytes client_address(const RequestView& request);

/// The value of a query parameter ("?a=1&b=2"), as it stands there; nothing when it is absent.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);

/// The value of a cookie; empty when it is absent.
std::string_view cookie_value(const RequestView& request, std::string_view name);

/// The first field of that name (lower case); nothing when it is absent.
std::optional<std::string_view> header_value(const RequestView& request, std::string_view name);

class Conditions final {
 public:
    /// Null when there is nothing to check.
    static std::unique_ptr<const Conditions> compile(const model::RouteConditions& from);

    /// Whether all hold; the path's among them. Allocates nothing but for an encoded query.
    bool hold(const RequestView& request) const { return first_unmet(request) == kAllMet; }
    /// In words, what does not hold; empty when all do: "method must be POST, is GET".
    std::string unmet(const RequestView& request) const;

    bool asks_path() const { return asks_exact() || pattern_.has_value(); }
    bool asks_exact() const { return !from_.path_exact.empty(); }
    /// The groups of the path's pattern.
    bool path_groups(std::string_view path, Groups& groups) const {
        return pattern_ && pattern_->match_groups(path, groups);
    }

 private:
    struct Field {
        std::string name;
        std::string value;
        std::optional<Pattern> pattern;
        bool holds(std::string_view text) const;
    };
    static constexpr size_t kAllMet = SIZE_MAX;

    explicit Conditions(const model::RouteConditions& from);
    static std::vector<Field> compile(const std::vector<model::FieldCondition>& fields);
    /// Counts path, methods, headers, query, sources.
    size_t first_unmet(const RequestView& request) const;
    static bool header_holds(const Field& field, const RequestView& request);
    static bool query_holds(const Field& field, std::string_view query);

    model::RouteConditions from_;
    std::optional<Pattern> pattern_;
    std::vector<Field> headers_;
    std::vector<Field> query_;
    std::vector<Network> sources_;
};

}  // namespace shore::gateway

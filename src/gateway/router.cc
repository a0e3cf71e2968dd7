#include "gateway/router.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "gateway/compiled.h"
#include "wire/ascii.h"
#include "wire/limits.h"

namespace shore::gateway {

namespace {

/// True when `path` is `prefix` or lies below it.
bool is_below(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) &&
           (path.size() == prefix.size() || path[prefix.size()] == '/' || prefix.empty());
}

/// The prefix counts unless the conditions name another path.
bool prefix_fits(const CompiledRoute& route, std::string_view path) {
    return is_below(path, route.prefix) || (route.conditions && route.conditions->asks_path());
}

bool takes(const CompiledRoute& route, const RequestView& request) {
    return prefix_fits(route, request.path) &&
           (!route.conditions || route.conditions->hold(request));
}

/// Equal ones keep the snapshot's order: their addresses do.
auto order_of(const CompiledRoute& route) {
    const model::RouteConditions& conditions = route.spec->match.conditions;
    const int rank = model::path_rank(route.spec->match);
    return std::tuple(rank, rank == 1 ? SIZE_MAX - route.prefix.size() : 0,
                      SIZE_MAX - model::condition_count(conditions), &route);
}

void sort_by_preference(std::vector<const CompiledRoute*>& routes) {
    std::ranges::sort(routes, {}, [](const CompiledRoute* route) { return order_of(*route); });
}

}  // namespace

bool comes_before(const CompiledRoute& a, const CompiledRoute& b) {
    return order_of(a) < order_of(b);
}

Router::Router(size_t listeners, const std::vector<CompiledRoute>& routes) : tables_(listeners) {
    for (const CompiledRoute& route : routes) {
        for (const uint32_t listener : route.spec->listeners) {
            Table& table = tables_[listener];
            for (const std::string& host : route.spec->match.hosts) {
                if (host.starts_with('*')) {
                    table.wildcards[host.substr(1)].push_back(&route);
                } else {
                    table.hosts[host].push_back(&route);
                }
            }
            if (route.spec->match.hosts.empty()) {
                table.any.push_back(&route);
            }
        }
    }
    for (Table& table : tables_) {
        sort_by_preference(table.any);
        for (Hosts* const hosts : {&table.hosts, &table.wildcards}) {
            for (auto& [host, list] : *hosts) {
                sort_by_preference(list);
            }
        }
    }
}

template <class Take>
void Router::each_list(const Table& table, std::string_view host, Take take) {
    const bool named = !table.hosts.empty() || !table.wildcards.empty();
    if (named && host.size() <= wire::kHostBytesMax) {
        std::array<char, wire::kHostBytesMax> buffer;
        std::ranges::transform(host, buffer.begin(), wire::lower);
        const std::string_view lower(buffer.data(), host.size());
        if (const auto found = table.hosts.find(lower);
            found != table.hosts.end() && take(found->second, std::string_view(found->first))) {
            return;
        }
        for (size_t dot = table.wildcards.empty() ? std::string_view::npos : lower.find('.', 1);
             dot != std::string_view::npos; dot = lower.find('.', dot + 1)) {
            if (const auto found = table.wildcards.find(lower.substr(dot));
                found != table.wildcards.end() &&
                take(found->second, std::string_view(found->first))) {
                return;
            }
        }
    }
    take(table.any, std::string_view());
}

const CompiledRoute* Router::find(uint32_t listener, const RequestView& request) const {
    if (listener >= tables_.size()) {
        return nullptr;
    }
    const CompiledRoute* chosen = nullptr;
    each_list(tables_[listener], request.host, [&](const Routes& routes, std::string_view) {
        for (const CompiledRoute* const route : routes) {
            if (takes(*route, request)) {
                chosen = route;
                return true;
            }
        }
        return false;
    });
    return chosen;
}

std::vector<Router::Candidate> Router::candidates(uint32_t listener,
                                                  const RequestView& request) const {
    std::vector<Candidate> all;
    if (listener >= tables_.size()) {
        return all;
    }
    each_list(tables_[listener], request.host, [&](const Routes& routes, std::string_view host) {
        for (const CompiledRoute* const route : routes) {
            Candidate candidate{
                .route = route,
                .host = host.starts_with('.') ? fmt::format("*{}", host) : std::string(host)};
            if (!prefix_fits(*route, request.path)) {
                candidate.reason = fmt::format("the path must begin with {}", route->prefix);
            } else if (route->conditions) {
                candidate.reason = route->conditions->unmet(request);
            }
            all.push_back(std::move(candidate));
        }
        return false;
    });
    return all;
}

}  // namespace shore::gateway

// Router: from a request to its route, by one order that a person can predict:
//
//   1. host: named exactly, then the longest "*.example.com", then routes for any host;
//   2. path: exact, then the longest prefix, then patterns, then routes for any path;
//   3. more conditions (method, header, query, source) before fewer;
//   4. the order of the snapshot: stack, service, place in the manifest.
//
// The first route in that order whose conditions all hold takes the request, so a route for any
// host still gets what no route of the named host wants. Immutable. The plain case, host and prefix
// only, is one look into a hash table and a walk over the prefixes; nothing is allocated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/conditions.h"

namespace shore::gateway {

struct CompiledRoute;

/// Whether `a` is looked at before `b` where both stand for the same host.
bool comes_before(const CompiledRoute& a, const CompiledRoute& b);

class Router final {
 public:
    Router() = default;
    /// `routes` stay where they are for as long as this lives.
    Router(size_t listeners, const std::vector<CompiledRoute>& routes);

    /// The route of a request that came in at that listener, or null.
    const CompiledRoute* find(uint32_t listener, const RequestView& request) const;

    /// A route that was looked at, and why it does not take the request.
    struct Candidate {
        const CompiledRoute* route = nullptr;
        std::string host;    ///< Of the route's hosts the one that fits; empty: any.
        std::string reason;  ///< Empty: it takes the request.
    };
    /// Every route whose host fits, in the order in which find() looks at them: it takes the first
    /// one without a reason.
    std::vector<Candidate> candidates(uint32_t listener, const RequestView& request) const;

 private:
    struct TextHash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using Routes = std::vector<const CompiledRoute*>;  // In order of preference.
    using Hosts = std::unordered_map<std::string, Routes, TextHash, std::equal_to<>>;
    struct Table {
        Hosts hosts;
        Hosts wildcards;  // By what follows the '*': ".example.com".
        Routes any;
    };

    /// Calls `take` with the lists that fit the host, best first, until it says true.
    template <class Take>
    static void each_list(const Table& table, std::string_view host, Take take);

    std::vector<Table> tables_;  // By listener.
};

}  // namespace shore::gateway

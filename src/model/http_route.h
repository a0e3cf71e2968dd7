// HttpRoute: which requests the gateway takes for a service, and what it does with them
// (x-shore.http, x-shore.static). A value; names refer to services of the same stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace shore::model {

/// A header field or a query parameter that a request must have.
struct FieldCondition {
    std::string name;     ///< Headers: lower case.
    std::string value;    ///< Exact; empty with an empty pattern: any value.
    std::string pattern;  ///< RE2, of the whole value; empty: `value` counts.
    friend bool operator==(const FieldCondition&, const FieldCondition&) = default;
};

/// What a request must fulfil besides host and path prefix. All of them; an empty list or text asks
/// for nothing.
struct RouteConditions {
    std::string path_exact;            ///< The whole path.
    std::string path_pattern;          ///< RE2, of the whole path.
    std::vector<std::string> methods;  ///< Upper case; one of them. GET takes HEAD, too.
    std::vector<FieldCondition> headers;
    std::vector<FieldCondition> query;
    std::vector<std::string> sources;  ///< Networks of the client; one of them.
    friend bool operator==(const RouteConditions&, const RouteConditions&) = default;
};

/// Conditions apart from the path: what makes one of two routes for the same place more specific.
inline size_t condition_count(const RouteConditions& conditions) {
    return size_t{conditions.methods.empty() ? 0U : 1U} + conditions.headers.size() +
           conditions.query.size() + size_t{conditions.sources.empty() ? 0U : 1U};
}
/// Answers with a redirect and asks no app. `to`: "https://{host}{path}{query}", an address or a
/// path; {host}, {path}, {query}, {rest} (the path behind the prefix) and {1}..{9} (groups of the
/// pattern) are filled in.
struct Redirect {
    std::string to;  ///< Empty: no redirect.
    uint16_t status = 308;
    friend bool operator==(const Redirect&, const Redirect&) = default;
};

/// Changes of a head on its way through. Removed first, then set (in place of all there are), then
/// added.
struct HeaderEdits {
    struct Field {
        std::string name;
        std::string value;
        friend bool operator==(const Field&, const Field&) = default;
    };
    std::vector<std::string> remove;
    std::vector<Field> set;
    std::vector<Field> add;
    friend bool operator==(const HeaderEdits&, const HeaderEdits&) = default;
    bool empty() const { return remove.empty() && set.empty() && add.empty(); }
};

/// Stored values: JSON has the names.
enum class Balance : uint8_t { kLeastRequests = 1, kRoundRobin = 2, kHash = 3 };

/// What identifies a client for the consistent hash and for sessions.
enum class ClientKey : uint8_t { kNone = 1, kAddress = 2, kHeader = 3, kCookie = 4 };

/// A share of a route's requests that another service gets.
struct Share {
    std::string service;
    uint32_t weight = 1;
    friend bool operator==(const Share&, const Share&) = default;
};

/// A copy of a share of the route's requests that another service gets; its answers are dropped.
struct Mirror {
    std::string service;  ///< Empty: none.
    double share = 1;     ///< 0..1.
    friend bool operator==(const Mirror&, const Mirror&) = default;
};

/// Answers with an error and asks no app.
struct Refusal {
    uint16_t status = 0;  ///< 0: none.
    std::string detail;
    friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// What is done with a request of the route.
struct RouteActions {
    std::string name;  ///< Label behind the service's: "shop/api/NAME"; empty: the service's alone.
    Redirect redirect;
    /// The path as the app sees it, by the same rules as Redirect::to; empty: as it came.
    std::string rewrite;
    HeaderEdits request;
    HeaderEdits response;
    Balance balance = Balance::kLeastRequests;
    ClientKey key = ClientKey::kNone;  ///< Of kHash, or of a session.
    std::string key_name;              ///< Of the header (lower case) or the cookie.
    bool session = false;              ///< Requests of one client go to one instance.
    Duration session_life{0};          ///< Of the gateway's cookie; 0: until the browser ends.
    std::vector<Share> split;          ///< Empty: all requests to the route's own service.
    Duration try_timeout{0};           ///< Head of the answer, per try; 0: HttpRoute::timeout only.
    Duration deadline{0};              ///< The whole exchange; 0: none.
    Mirror mirror;
    Refusal refusal;
    friend bool operator==(const RouteActions&, const RouteActions&) = default;
};

/// Whether the gateway stores a route's answers, by what the app says in their headers, and what it
/// may do beyond that.
struct CachePolicy {
    bool enabled = false;
    Duration negative{0};    ///< How long 404, 410 and the like stay when the app does not say.
    bool heuristic = false;  ///< A tenth of the age by Last-Modified, at most a day.
    bool reload = false;     ///< A client's no-cache or max-age=0 asks the app.
    friend bool operator==(const CachePolicy&, const CachePolicy&) = default;
};

struct HttpRoute {
    /// Exact or "*.example.com" (any number of labels before it), lower case; empty: any host.
    std::vector<std::string> hosts;
    std::string path_prefix = "/";  ///< Matches whole path segments.
    bool strip_prefix = false;
    Duration timeout = std::chrono::seconds(60);  ///< Until the upstream's response head.
    bool compress = true;             ///< Answers may be compressed on their way to the client.
    bool decompress = false;          ///< Compressed request bodies reach the app as plain ones.
    bool client_certificate = false;  ///< Clients without a valid one get 403.
    CachePolicy cache;
    Bytes decompressed_max = Bytes::mib(100);  ///< Of a body that was decompressed; above it 413.
    uint32_t decompress_ratio_max = 100;       ///< Plain bytes per compressed one; above it 413.
    RouteConditions conditions;
    RouteActions actions;
    friend bool operator==(const HttpRoute&, const HttpRoute&) = default;
};

/// Exact path, prefix, pattern, any path: the order in which routes of one host are looked at.
inline int path_rank(const HttpRoute& route) {
    return !route.conditions.path_exact.empty()     ? 0
           : !route.conditions.path_pattern.empty() ? 2
           : route.path_prefix.size() > 1           ? 1
                                                    : 3;
}

/// What an app speaks. Stored in snapshots.
enum class UpstreamProtocol : uint8_t {
    kHttp1 = 1,
    kHttp2 = 2,  ///< HTTP/2 without TLS, by prior knowledge.
    kGrpc = 3,   ///< Likewise; health is asked by grpc.health.v1.
};

/// How requests are kept from a service that is in trouble (x-shore.http.circuit, outlier and
/// slow_start). All loops of the gateway together.
struct UpstreamPolicy {
    uint32_t requests_max = 0;   ///< Under way at a time; 0: no limit.
    uint32_t waiting_max = 100;  ///< Waiting for one of those; above it 503.
    Duration wait = std::chrono::seconds(3);
    double retry_share = 0.2;    ///< Retries per request of a loop in the last seconds.
    double ejected_share = 0.5;  ///< Instances that may be out because of failures that may be
                                 ///< chance; one that refuses connections is out anyway.
    uint32_t failures_max = 3;   ///< In a row, before an instance is taken out.
    uint8_t proxy_protocol = 0;  ///< Version in which instances are told the client; 0: none.
    Duration slow_start{0};      ///< A fresh instance's share grows to its full size in this time.
    UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
    friend bool operator==(const UpstreamPolicy&, const UpstreamPolicy&) = default;
};

/// Host, path and conditions of a route as one text: two routes with the same text want the same
/// requests. `host` is one of its hosts, or empty.
std::string describe_match(const HttpRoute& route, std::string_view host);

}  // namespace shore::model

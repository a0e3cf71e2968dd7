// Entry: one stored answer: immutable, shared by all loops, alive as long as somebody sends it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cache/freshness.h"
#include "cache/vary.h"

namespace shore::cache {

/// How an answer may be used now.
enum class Use : uint8_t {
    kFresh,    ///< As it is.
    kRefresh,  ///< As it is, while somebody asks for a newer one (stale-while-revalidate).
    kAsk,      ///< Only when the origin says that it still holds.
};

struct Entry {
    std::string key;
    uint64_t hash = 0;
    uint16_t status = 200;
    std::string reason;
    /// Field lines as they are sent, without those of one connection or request, Age,
    /// Content-Length and Cache-Status.
    std::string fields;
    std::shared_ptr<const std::string> body;  ///< Shared with the entry that a 304 renewed.
    std::string entity_tag;                   ///< As clients see it. Empty: none.
    std::string origin_tag;  ///< As the origin wrote it; differs where the body was encoded here.
    std::string last_modified;
    std::vector<VaryField> vary;
    std::vector<std::string> tags;  ///< Of Surrogate-Key and Cache-Tag.
    SteadyTime stored{};
    Judgement judgement;
    uint64_t file = 0;        ///< In the disk tier's index: where head and body lie,
    uint64_t file_bytes = 0;  ///< and what they take there.

    Duration age(SteadyTime now) const { return judgement.age + (now - stored); }
    /// How long it is fresh from now on; negative when it is stale.
    Duration time_left(SteadyTime now) const { return judgement.lifetime - age(now); }
    Use use(SteadyTime now) const;
    /// Whether it may answer that request at all: by Vary and by credentials.
    bool fits(const RequestView& request) const;
    /// May stand in for an answer of the origin that failed (RFC 5861 section 4).
    bool covers_errors(SteadyTime now) const;
    /// Bytes of memory that it takes, its share of the index included.
    size_t cost() const;
};

struct Fetched {
    std::string_view key;
    uint64_t hash = 0;
    RequestView request;
    ResponseView response;  ///< As the client gets it.
    Judgement judgement;    ///< Of the origin's answer.
    std::string_view origin_tag;
    SteadyTime now{};
};

/// The entry of an answer that was judged worth storing. Null when it cannot be.
std::shared_ptr<const Entry> make_entry(const Fetched& fetched,
                                        std::shared_ptr<const std::string> body);

/// When a 304 came, and how it is judged.
struct Renewal {
    RequestView request;
    ResponseView response;  ///< The 304, as a client would get it.
    Policy policy;
    WallTime wall_now{};
    SteadyTime now{};
    Duration waited{};
};

/// The entry with the fields of a 304 (RFC 9111 section 4.3.4). Null when the origin no longer
/// wants it stored.
std::shared_ptr<const Entry> renew(const Entry& old, const Renewal& renewal);

}  // namespace shore::cache

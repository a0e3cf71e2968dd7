// Records: the control plane's memory as typed rows: stacks, releases, service overrides, instance
// ordinals, audit. Every function blocks on the disk and is called on the store's thread
// (Store::run). Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/release.h"
#include "store/database.h"

namespace shore::store {

/// A stack that was ever deployed here.
struct StackRecord {
    std::string id;  ///< model::stack_id().
    std::string name;
    std::string environment;
    bool up = true;  ///< False after `shore down`: history stays, nothing runs.
    WallTime created_at{};
    friend bool operator==(const StackRecord&, const StackRecord&) = default;
};

/// What an operator asked of a service beside its manifest. It lasts until changed or until `down`.
struct ServiceOverride {
    std::string service;
    std::optional<uint32_t> replicas;  ///< `shore scale`.
    bool stopped = false;              ///< `shore stop`.
    uint64_t generation =
        0;  ///< Grows with `shore restart`: instances of an older one are replaced.
    friend bool operator==(const ServiceOverride&, const ServiceOverride&) = default;
};

struct AuditEntry {
    uint64_t id = 0;
    WallTime at{};
    std::string actor;   ///< "uid 1000", a token's name.
    std::string action;  ///< "deploy", "scale".
    std::string stack;
    std::string detail;   ///< One sentence, without secrets.
    std::string outcome;  ///< "ok" or the error's text.
    friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

class Records final {
 public:
    /// `database` is migrated and outlives this.
    explicit Records(Database& database) : database_(database) {}

    /// Adds or replaces the row with the same id.
    Result<void> put_stack(const StackRecord& stack);
    Result<std::vector<StackRecord>> stacks();

    /// Stores a release under the next number of its stack, which it returns. The oldest beyond
    /// kReleasesMax go.
    Result<uint64_t> add_release(const model::Release& release);
    /// kNotFound when there is no such release.
    Result<void> set_release_status(std::string_view stack, uint64_t number,
                                    model::ReleaseStatus status, std::string_view reason,
                                    WallTime at);
    Result<std::optional<model::Release>> release(std::string_view stack, uint64_t number);
    /// Newest first; at most `limit`; numbers below `before` when it is not 0.
    Result<std::vector<model::Release>> releases(std::string_view stack, uint32_t limit,
                                                 uint64_t before = 0);

    Result<std::vector<ServiceOverride>> overrides(std::string_view stack);
    Result<void> put_override(std::string_view stack, const ServiceOverride& value);
    Result<void> clear_overrides(std::string_view stack);

    /// Reserves `count` ordinals of a service for ever and returns the first: "api-7" has
    /// ordinal 7.
    Result<uint64_t> reserve_ordinals(std::string_view stack, std::string_view service,
                                      uint32_t count);

    Result<void> add_audit(const AuditEntry& entry);
    /// Newest first; ids below `before` when it is not 0.
    Result<std::vector<AuditEntry>> audit(uint32_t limit, uint64_t before = 0);

 private:
    Database& database_;
};

}  // namespace shore::store

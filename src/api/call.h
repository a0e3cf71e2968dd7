// Call and Reply: a request after routing, authorisation and checks, and what is answered; free of
// sockets, so that every call is tested without one.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/endpoint.h"
#include "api/feed.h"
#include "api/problem.h"
#include "base/clock.h"
#include "wire/json.h"

namespace shore::api {

/// Who asks.
struct Caller {
    std::string name;  ///< For the log: "uid 1000".
    Role role = Role::kAnyone;
};

/// The values of a row's parameters, checked: what is there has the row's kind.
class Arguments final {
 public:
    void add(std::string_view name, std::string value) {
        values_.emplace_back(std::string(name), std::move(value));
    }
    /// The first value; empty when absent.
    std::string text(std::string_view name) const;
    std::optional<uint64_t> integer(std::string_view name) const;
    bool flag(std::string_view name) const;
    std::optional<WallTime> time(std::string_view name) const;
    std::vector<std::string> list(std::string_view name) const;

 private:
    const std::string* find(std::string_view name) const;
    std::vector<std::pair<std::string, std::string>> values_;
};

struct Call {
    const Endpoint* endpoint = nullptr;
    Arguments arguments;
    wire::Json body;  ///< Null when the row takes none.
    Caller caller;
    std::string idempotency_key;
    std::string fingerprint;  ///< Of target and body; for idempotency_key.
};

struct Reply {
    uint16_t status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::string location;        ///< Empty: none.
    std::unique_ptr<Feed> feed;  ///< When set, the body comes from it instead.

    static Reply of(const wire::Json& json, uint16_t status = 200);
    static Reply of_text(std::string text, uint16_t status = 200);
};

using Answered = std::expected<Reply, Problem>;

}  // namespace shore::api

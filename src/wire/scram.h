// SCRAM-SHA-256, the client's half (RFC 5802, RFC 7677), without channel binding: how PostgreSQL
// asks for passwords.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shore::wire {

/// A password, and what was last derived from it: deriving takes thousands of hashes, and a client
/// that connects again with the same salt may keep the result (RFC 5802 section 5.1).
class ScramSecret final {
 public:
    explicit ScramSecret(std::string password) : password_(std::move(password)) {}

    /// SaltedPassword for this salt.
    Result<std::string> salted(std::string_view salt, uint32_t iterations);

 private:
    std::string password_;
    std::string salt_;
    uint32_t iterations_ = 0;
    std::string salted_;
};

/// One conversation.
class ScramClient final {
 public:
    /// `nonce` is printable, without commas, and fresh. The secret outlives this.
    ScramClient(ScramSecret& secret, std::string nonce)
        : secret_(secret), nonce_(std::move(nonce)) {}

    /// The client's first message.
    std::string first() const;
    /// The client's final message. kCorrupt: the server's first message is none or is for another
    /// conversation.
    Result<std::string> answer(std::string_view server_first);
    /// kPermission when the server does not know the password either.
    Result<void> verify(std::string_view server_final) const;

 private:
    ScramSecret& secret_;
    std::string nonce_;
    std::string server_signature_;
};

}  // namespace shore::wire

// Certificates as Shore reads them: PEM text to the facts that a check, a list and the choice by
// server name need (RFC 5280, RFC 7468).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace shore::wire {

/// A value. Of the first certificate in a PEM text; what follows it there is its chain.
struct CertificateFacts {
    std::vector<std::string> names;  ///< DNS names in lower case and IP addresses; the common name
                                     ///< when the certificate has no alternative names.
    std::string subject;             ///< "CN=shop.example.com".
    std::string issuer;
    std::string key;          ///< "ECDSA P-256", "RSA 2048".
    std::string fingerprint;  ///< SHA-256, lower-case hexadecimal.
    WallTime not_before{};
    WallTime not_after{};

    bool self_signed() const { return subject == issuer; }
    friend bool operator==(const CertificateFacts&, const CertificateFacts&) = default;
};

/// kInvalid when the text holds no certificate.
Result<CertificateFacts> read_certificate(std::string_view pem);

/// kInvalid when `key_pem` is no private key, is encrypted, or belongs to another certificate than
/// the first of `certificate_pem`.
Result<void> check_key(std::string_view certificate_pem, std::string_view key_pem);

/// True when `name` (lower case) is `pattern`, or `pattern` is "*.REST" and `name` is one label and
/// ".REST" (RFC 6125 section 6.4.3).
bool matches_name(std::string_view pattern, std::string_view name);

}  // namespace shore::wire

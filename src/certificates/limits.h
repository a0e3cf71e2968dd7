// Lives and sizes of what the private authority signs.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/bytes.h"

namespace shore::certificates {

/// Renewed after two thirds: a month remains in which a daemon that does not run may come back.
inline constexpr std::chrono::days kCertificateLife{90};
inline constexpr std::chrono::days kRenewBefore{30};
/// Of an engine's: processes that run for years read it when they start.
inline constexpr std::chrono::days kEngineCertificateLife{3650};
/// Trusting the authority is a person's work on every client.
inline constexpr std::chrono::days kAuthorityLife{3650};
/// Clocks of clients may be behind.
inline constexpr std::chrono::hours kBackdated{1};
/// Alternative names of one certificate: its size goes into every full handshake.
inline constexpr size_t kNamesMax = 500;
inline constexpr Bytes kFileMax = Bytes::mib(1);

}  // namespace shore::certificates

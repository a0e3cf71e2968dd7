// Lives and sizes of what the private authority signs.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/bytes.h"

namespace shore::certificates {

inline constexpr std::chrono::days kCertificateLife{90};
/// Of an engine's: sentinels are restarted for a new one, and no client is told to expect it.
inline constexpr std::chrono::days kEngineCertificateLife{365};
/// Renewed when this part of the life is left: of 90 days a month, in which a daemon that does not
/// run may come back.
inline constexpr int kRenewPart = 3;
/// Trusting the authority is a person's work on every client.
inline constexpr std::chrono::days kAuthorityLife{3650};
/// Clocks of clients may be behind.
inline constexpr std::chrono::hours kBackdated{1};
/// Alternative names of one certificate: its size goes into every full handshake.
inline constexpr size_t kNamesMax = 500;
inline constexpr Bytes kFileMax = Bytes::mib(1);

}  // namespace shore::certificates

// How much is remembered. What is fed from outside (events, audit, manifests) must not fill the
// disk.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shore::store {

/// Events kept; the oldest go first. At some 200 bytes each this is 20 MB and weeks of an ordinary
/// stack.
inline constexpr uint64_t kEventsMax = 100'000;
/// Events beyond kEventsMax before the oldest are deleted, so that deleting is rare.
inline constexpr uint64_t kEventsSlack = 1'000;
/// Events waiting to be written. More means that the disk stands still; later ones are then counted
/// and dropped.
inline constexpr size_t kEventsPendingMax = 10'000;
/// Events written in one transaction.
inline constexpr size_t kEventsBatch = 500;
/// Events that one read returns at most.
inline constexpr uint32_t kEventsPageMax = 1'000;
/// Text of one event; an instance's last lines of output may be part of it.
inline constexpr size_t kEventMessageBytesMax = 8 * 1024;
/// Audit entries kept: a year of a call every five minutes.
inline constexpr uint64_t kAuditMax = 100'000;
/// Releases kept per stack; manifests are small, but a deploy every minute must not grow for ever.
inline constexpr uint64_t kReleasesMax = 1'000;
/// A manifest in the database; config reads at most 1 MiB a file.
inline constexpr size_t kManifestBytesMax = 32 << 20;
static_assert(kEventsSlack < kEventsMax && kEventsBatch <= kEventsPendingMax);

}  // namespace shore::store

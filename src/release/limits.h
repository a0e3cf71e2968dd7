// Maxima and patience of the release room, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace shore::release {

/// Replicas of one service on one machine; config allows as many.
inline constexpr uint32_t kReplicasMax = 1'000;
/// Instances of one stack that may be starting at once: forking hundreds of interpreters at the
/// same moment starves the ones that already serve.
inline constexpr uint32_t kStartsAtOnceMax = 32;
/// Releases looked through for the one in force, or the one to roll back to.
inline constexpr uint32_t kReleasesSearched = 200;
/// Stacks of one state directory.
inline constexpr size_t kStacksMax = 200;
/// Subscribers to the progress of one stack (`--wait`, consoles).
inline constexpr size_t kSubscribersMax = 64;
/// Messages kept for a subscriber that reads slowly; the oldest go first.
inline constexpr size_t kProgressQueueMax = 256;
/// Ordinals reserved at once, so that starting an instance does not wait for the disk.
inline constexpr uint32_t kOrdinalBlock = 32;
/// Steps of a preview; a plan that has not settled by then is cut with a note.
inline constexpr size_t kPreviewStepsMax = 20'000;

/// An instance without a health check counts as well once it has lived this long: long enough to
/// see a missing module or a bad option, short enough not to be felt.
inline constexpr Duration kSettleTime = std::chrono::seconds(1);
/// The least time an instance has to get healthy, whatever its health check says.
inline constexpr Duration kStartTimeoutMin = std::chrono::seconds(15);
/// Without a health check an instance with a port is running once that is open; supervision waits
/// 30 s for it and then says why, which is the better message.
inline constexpr Duration kListenTimeout = std::chrono::seconds(35);
/// Restarts of a first release's instance before the release is called failed; nothing better could
/// serve meanwhile.
inline constexpr uint32_t kFirstReleaseRestartsMax = 3;
/// The gateway's answer to a snapshot.
inline constexpr Duration kPublishTimeout = std::chrono::seconds(15);
/// After a failed start, stop or publication the runner waits this long before it plans again.
inline constexpr Duration kRetryPause = std::chrono::seconds(1);

}  // namespace shore::release

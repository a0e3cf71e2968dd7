// Maxima of the control API. Its clients are the owner's own tools, so the limits guard against
// mistakes and runaway scripts rather than strangers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shore::api {

/// A request body. The largest real one is a deploy with the caller's environment variables; Linux
/// allows 2 MiB of those by default, most people have some 10 KiB.
inline constexpr size_t kBodyBytesMax = 4u << 20;
/// Nesting of a body; the deepest schema has 3 levels.
inline constexpr size_t kBodyDepthMax = 16;
/// Problems listed in one answer.
inline constexpr size_t kProblemsMax = 200;
/// Items of one page of events or releases.
inline constexpr uint32_t kPageItemsMax = 1000;
inline constexpr uint32_t kPageItemsDefault = 100;
/// Connections at once. Each follower of logs or events holds one; descriptors are needed for
/// instances too.
inline constexpr size_t kConnectionsMax = 256;
/// Answers kept for Idempotency-Key, about 1 KiB each.
inline constexpr size_t kIdempotencyKeysMax = 1000;
inline constexpr std::chrono::hours kIdempotencyAgeMax{24};
inline constexpr size_t kIdempotencyKeyBytesMax = 200;
/// Commands of exec at once, each some processes and three pipes.
inline constexpr size_t kExecSessionsMax = 64;
/// Output of an exec session that its client has not read.
inline constexpr size_t kExecPendingBytesMax = 16u << 20;
/// A stream that has nothing to say sends a comment this often, so that both ends notice a dead
/// peer.
inline constexpr std::chrono::seconds kKeepAliveInterval{15};
static_assert(kIdempotencyKeysMax * 1024 <= 4u << 20, "remembered answers fit in a few MiB");

}  // namespace shore::api

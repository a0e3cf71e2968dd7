// Limits of supervision.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shore::supervise {

/// Longest piece of a line that becomes one log record; a longer line is split into records marked
/// "partial". Bounds the shim's memory at two such buffers, and keeps every record readable by line
/// tools.
inline constexpr size_t kLogMessageMax = size_t{32} * 1024;

/// Lines the shim keeps in memory for a report about a crash, and their longest form.
inline constexpr size_t kTailLines = 50;
inline constexpr size_t kTailLineBytes = 512;

/// Longest line of the shim's protocol. A status carries the tail: 50 lines of 512 bytes, each byte
/// escaped to at most 6.
inline constexpr size_t kShimLineMax = size_t{256} * 1024;
static_assert(kShimLineMax > kTailLines * kTailLineBytes * 6 + 4096);

/// Daemons that may talk to a shim at once: one, its successor, and a person with socat.
inline constexpr size_t kShimConnectionsMax = 8;

/// Probe results kept for `shore health`, and the longest message of one.
inline constexpr size_t kProbeResultsKept = 20;
inline constexpr size_t kProbeMessageMax = 300;

/// How much of a health response's body is read and matched.
inline constexpr size_t kProbeBodyMax = size_t{64} * 1024;

/// Output of a health command that is kept for its message; the rest is read and dropped.
inline constexpr size_t kCommandOutputKept = 4096;

/// Quick exits in a row that make a crash loop: with the usual back-off some ten seconds.
inline constexpr uint32_t kCrashLoopExits = 5;

/// Rotated files of instances that have ended which a service keeps; deploys would otherwise fill
/// the disk with names.
inline constexpr size_t kEndedLogFilesMax = 20;

/// Lines one reading of the logs may return (some 100 MB at worst), and one batch while following.
inline constexpr size_t kLogLinesMax = 100'000;
inline constexpr size_t kLogBatchMax = 1'000;

/// Largest instance.json or spec.json that is read: a service with thousands of environment entries
/// fits.
inline constexpr size_t kRecordBytesMax = size_t{4} * 1024 * 1024;

}  // namespace shore::supervise

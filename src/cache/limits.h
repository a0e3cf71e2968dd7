// Limits of the response cache that are not options of the manifest (those are
// model::CacheOptions).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shore::cache {

/// Locks of the memory tier: more than the loops of a usual machine, so that two rarely meet.
inline constexpr size_t kLocks = 16;
/// A key: URL, service, route and target; longer ones are not cached. Targets above 2 KB are form
/// data in disguise.
inline constexpr size_t kKeyBytesMax = 4096;
/// A stored head; what leaves the cache fits a connection's buffer together with small bodies.
inline constexpr size_t kHeadBytesMax = size_t{16} * 1024;
/// Fields that Vary names, and a request's value of one of them. More of either splits the cache so
/// finely that nothing is ever hit.
inline constexpr size_t kVaryFieldsMax = 8;
inline constexpr size_t kVaryValueMax = 512;
/// Answers of one URL, by Vary; the oldest makes room.
inline constexpr size_t kVariantsMax = 32;
/// Tags of an answer, and bytes of one; further ones are ignored. Cloudflare and Fastly allow about
/// as much.
inline constexpr size_t kTagsMax = 256;
inline constexpr size_t kTagBytesMax = 1024;
/// Validators that are repeated to the origin; longer ones are not used.
inline constexpr size_t kEntityTagMax = 256;
/// RFC 9111 section 1.2.2: what a number of seconds too large to hold counts as.
inline constexpr int64_t kDeltaSecondsMax = int64_t{1} << 31;
/// Heuristic freshness (RFC 9111 section 4.2.2): a tenth of the age of the content, at most a day.
inline constexpr int64_t kHeuristicDivisor = 10;
inline constexpr std::chrono::hours kHeuristicMax{24};
/// URLs per lock whose answers could not be stored, for whose requests nobody waits: Varnish calls
/// it hit-for-miss.
inline constexpr size_t kPassedMax = 256;
inline constexpr std::chrono::seconds kPassedFor{10};
/// The same after an app's failure: those who waited for it ask at once, the next ones wait again.
inline constexpr std::chrono::seconds kFailedFor{1};
/// Counters of what was dropped by URL: a copy whose fetch began before is not stored. More of them
/// than fetches under way at a time, so that one drop spoils few others.
inline constexpr size_t kEpochs = 1024;
/// Fetches under way that others wait for, per lock; further ones are not waited for.
inline constexpr size_t kFlightsMax = 4096;

/// Disk tier. Heads of records: key, fields, what an answer varies by, tags.
inline constexpr size_t kRecordHeadMax = size_t{512} * 1024;
/// Files: each has an index entry of about 500 bytes in memory.
inline constexpr uint64_t kDiskEntriesMax = 100'000;
/// What file systems allocate by.
inline constexpr uint64_t kDiskBlock = 4096;
/// Answers that wait to be written, bytes and number; further ones stay in memory only.
inline constexpr size_t kDiskQueueMax = size_t{64} * 1024 * 1024;
inline constexpr size_t kDiskJobsMax = 10'000;
/// After a failed write nothing is written for this long: a full disk stays full for a while.
inline constexpr std::chrono::seconds kDiskPause{10};
/// What is of use for less than this long is not worth a file.
inline constexpr std::chrono::seconds kDiskLifeMin{10};

}  // namespace shore::cache

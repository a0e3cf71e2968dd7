// Record: a stored answer as bytes of a file: checksummed, so that one that was torn or damaged is
// known. Little-endian; docs/internals/file-formats.md describes it. Pure.
//
//   8  "SHOREC01"
//   8  checksum of all that follows up to the body
//   4  length of the head; 4 zero
//   8  length of the body
//   8  checksum of the body
//      the head, the body
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cache/entry.h"

namespace shore::cache {

inline constexpr size_t kRecordPrologue = 40;

/// Everything in front of the body. `stored` is Entry::stored by the wall clock.
std::string encode_record(const Entry& entry, WallTime stored);

/// What the first kRecordPrologue bytes say.
struct RecordSizes {
    uint64_t head = 0;  ///< At most kRecordHeadMax.
    uint64_t body = 0;
};
std::optional<RecordSizes> record_sizes(std::string_view prologue);

struct Record {
    Entry entry;  ///< Without hash, body and `stored`.
    WallTime stored{};
    uint64_t body_checksum = 0;
};
/// `bytes`: prologue and head. Nothing when they are not what was written.
std::optional<Record> decode_record(std::string_view bytes);

uint64_t record_checksum(std::string_view bytes);

}  // namespace shore::cache

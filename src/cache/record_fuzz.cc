// Bytes of a file as the disk tier reads them: nothing but what was written is taken.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "cache/record.h"

namespace shore::cache {
namespace {

void check(std::string_view bytes) {
    const auto record = decode_record(bytes);
    if (record) {
        // What is taken is exactly what would be written for it.
        Entry entry = record->entry;
        entry.body = std::make_shared<const std::string>();
        SHORE_ASSERT(encode_record(entry, record->stored).size() == bytes.size());
    }
}

/// Past the checksum: the input as what it protects.
void check_behind_checksum(std::string_view rest) {
    std::string record = "SHOREC01";
    const uint64_t checksum = record_checksum(rest);
    record.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
    record += rest;
    check(record);
}

}  // namespace
}  // namespace shore::cache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    shore::cache::check(bytes);
    shore::cache::check_behind_checksum(bytes);
    return 0;
}

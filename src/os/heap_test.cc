// heap_test: what was freed is seen, and goes back to the kernel.
#include "os/heap.h"

#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace shore::os {
namespace {

// The sanitizers bring an allocator of their own.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

constexpr size_t kBlock = 64 * 1024;  // Below the size from which malloc asks the kernel for each.

TEST(Heap, GivesBackWhatWasFreed) {
    const uint64_t before = resident_beyond_heap().count;
    std::vector<std::unique_ptr<char[]>> blocks;
    for (int i = 0; i < 512; ++i) {
        blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlock));
        std::memset(blocks.back().get(), i, kBlock);
    }
    EXPECT_LT(resident_beyond_heap().count,
              before + Bytes::mib(4).count);     // In use: does not count.
    const auto last = std::move(blocks.back());  // Holds the heap's end where it is.
    blocks.clear();
    EXPECT_GT(resident_beyond_heap().count, before + Bytes::mib(24).count);
    return_free_memory();
    EXPECT_LT(resident_beyond_heap().count, before + Bytes::mib(4).count);
}

TEST(Heap, KeepsNoLargeBlocks) {
    keep_no_large_blocks();
    const uint64_t before = resident_beyond_heap().count;
    for (int i = 0; i < 3; ++i) {
        const auto block = std::make_unique_for_overwrite<char[]>(Bytes::mib(8).count);
        std::memset(block.get(), i, Bytes::mib(8).count);
    }
    EXPECT_LT(resident_beyond_heap().count, before + Bytes::mib(4).count);
}

#endif

}  // namespace
}  // namespace shore::os

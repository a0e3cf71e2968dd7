#include "os/heap.h"

#include <algorithm>

#include <malloc.h>
#include <unistd.h>

#include "os/process_stats.h"

namespace shore::os {

Bytes resident_beyond_heap() {
    const auto stats = process_stats(getpid());
    if (!stats) {
        return {};
    }
    const struct mallinfo2 heap = mallinfo2();
    const uint64_t allocated = heap.uordblks + heap.hblkhd;
    return {stats->resident.count - std::min(allocated, stats->resident.count)};
}

void keep_no_large_blocks() {
    constexpr int kLarge = 1 << 20;
    // Either one alone ends their growing by themselves (mallopt(3)).
    mallopt(M_MMAP_THRESHOLD, kLarge);
    mallopt(M_TRIM_THRESHOLD, kLarge);
}

void return_free_memory() {
    malloc_trim(0);
}

}  // namespace shore::os

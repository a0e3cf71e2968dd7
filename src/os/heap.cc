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

void return_free_memory() {
    malloc_trim(0);
}

}  // namespace shore::os

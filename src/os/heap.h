// What the C library's allocator keeps of the memory that this process has freed.
#pragma once

#include "base/bytes.h"

namespace shore::os {

/// Resident memory beyond what is allocated: program, stacks, and what was freed and kept. Reads
/// /proc/self and walks the allocator's lists: tens of microseconds. 0 when /proc does not tell.
/// Any thread.
Bytes resident_beyond_heap();

/// From now on blocks from 1 MiB on come from the kernel one by one and go back when they are
/// freed. The allocator of itself keeps the largest block that was ever freed, at the end of each
/// thread's heap, where return_free_memory() does not reach. Once, before there are threads.
void keep_no_large_blocks();

/// Gives whole pages that were freed back to the kernel (malloc_trim(3)). Milliseconds for some
/// 100 MiB, in which other threads may wait for an allocation. Any thread.
void return_free_memory();

}  // namespace shore::os

// What the C library's allocator keeps of the memory that this process has freed.
#pragma once

#include "base/bytes.h"

namespace shore::os {

/// Resident memory beyond what is allocated: program, stacks, and what was freed and kept. Reads
/// /proc/self and walks the allocator's lists: tens of microseconds. 0 when /proc does not tell.
/// Any thread.
Bytes resident_beyond_heap();

/// Gives whole pages that were freed back to the kernel (malloc_trim(3)). Milliseconds for some
/// 100 MiB, in which other threads may wait for an allocation. Any thread.
void return_free_memory();

}  // namespace shore::os

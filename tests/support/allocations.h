// Counts the allocations of a test program (its room links shore_test_allocations): a bound on work
// that no busy machine disturbs.
#pragma once

#include <cstdint>

namespace shore::support {

/// A sanitizer has an allocator of its own: then nothing is counted and such a test is skipped.
bool allocations_are_counted();

/// Calls of `operator new` by all threads since the start of the program.
uint64_t allocations();

}  // namespace shore::support

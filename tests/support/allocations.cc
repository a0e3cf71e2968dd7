#include "support/allocations.h"

#include <atomic>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHORE_TEST_SANITIZED 1
#endif
#endif

namespace {
std::atomic<uint64_t> count = 0;
}  // namespace

#ifndef SHORE_TEST_SANITIZED
void* operator new(size_t size) {
    count.fetch_add(1, std::memory_order_relaxed);
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    std::abort();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}
#endif

namespace shore::support {

bool allocations_are_counted() {
#ifdef SHORE_TEST_SANITIZED
    return false;
#else
    return true;
#endif
}

uint64_t allocations() {
    return count.load(std::memory_order_relaxed);
}

}  // namespace shore::support

#include "async/frame_pool.h"

#include <array>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHORE_PLAIN_FRAMES 1
#endif
#endif

namespace shore::async {

#ifdef SHORE_PLAIN_FRAMES

void* take_frame(size_t size) {
    return ::operator new(size);
}
void return_frame(void* frame, size_t) noexcept {
    ::operator delete(frame);
}

#else

namespace {

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = 32;  // Frames up to 2 KiB; larger ones are rare and go to operator new.
constexpr size_t kBlocksKeptPerClass =
    512;  // Bounds what an idle thread holds to 512 * 2 KiB in the worst class.

struct Block {
    Block* next;
};

struct FreeLists {
    std::array<Block*, kClasses> first{};
    std::array<size_t, kClasses> count{};

    ~FreeLists() {
        for (Block* block : first) {
            while (block != nullptr) {
                Block* const next = block->next;
                ::operator delete(block);
                block = next;
            }
        }
        first.fill(nullptr);
        count.fill(kBlocksKeptPerClass);  // A frame returned after this goes to operator delete.
    }
};

thread_local FreeLists free_lists;

}  // namespace

void* take_frame(size_t size) {
    const size_t index = (size - 1) / kClassBytes;
    if (index >= kClasses) {
        return ::operator new(size);
    }
    FreeLists& lists = free_lists;
    Block* const block = lists.first[index];
    if (block == nullptr) {
        return ::operator new((index + 1) * kClassBytes);
    }
    lists.first[index] = block->next;
    --lists.count[index];
    return block;
}

void return_frame(void* frame, size_t size) noexcept {
    const size_t index = (size - 1) / kClassBytes;
    FreeLists& lists = free_lists;
    if (index >= kClasses || lists.count[index] >= kBlocksKeptPerClass) {
        ::operator delete(frame);
        return;
    }
    Block* const block = static_cast<Block*>(frame);
    block->next = lists.first[index];
    lists.first[index] = block;
    ++lists.count[index];
}

#endif

}  // namespace shore::async

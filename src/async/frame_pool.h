// FramePool: memory of coroutine frames, kept in per-thread free lists by size class, so that a
// request that awaits a few tasks allocates nothing once the connection is warm. Under the address
// sanitizer it is plain operator new, so that a frame used after its end is caught.
//
// A block may be freed on another thread than it was taken on; it then serves that thread.
#pragma once

#include <cstddef>

namespace shore::async {

/// Memory for a frame of `size` bytes, aligned as operator new does. Never fails (out of memory
/// aborts).
void* take_frame(size_t size);
/// Gives it back; `size` as taken.
void return_frame(void* frame, size_t size) noexcept;

}  // namespace shore::async

// Buffer: where bytes of one connection pass through, and the per-loop pools it comes from. Idle
// connections hold none.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/limits.h"

namespace shore::gateway {

/// `capacity` bytes; [begin, end) is filled. A resource; one loop.
class Buffer final {
 public:
    explicit Buffer(size_t capacity)
        : bytes_(std::make_unique_for_overwrite<char[]>(capacity)),
          capacity_(static_cast<uint32_t>(capacity)) {}

    char* data() { return bytes_.get(); }
    uint32_t capacity() const { return capacity_; }
    char* filled() { return data() + begin; }
    uint32_t size() const { return end - begin; }
    bool empty() const { return begin == end; }
    char* free_space() { return data() + end; }
    uint32_t free_size() const { return capacity_ - end; }
    std::string_view view() { return {filled(), size()}; }
    /// Empty, with `room` free bytes in front of what will be received.
    void clear(uint32_t room) { begin = end = room; }
    /// Moves what is filled down to `room`, to make space behind it.
    void compact(uint32_t room) {
        if (begin > room) {
            std::memmove(data() + room, filled(), size());
            end = room + size();
            begin = room;
        }
    }

    uint32_t begin = 0;
    uint32_t end = 0;

 private:
    std::unique_ptr<char[]> bytes_;
    uint32_t capacity_;
};

/// Objects used again last-in first-out, so that warm memory is used first; recycle(), where there
/// is one, is called on their return. A loop's.
template <class T>
class Pool final {
 public:
    class Return {
     public:
        Return() = default;
        explicit Return(Pool* pool) : pool_(pool) {}
        void operator()(T* object) const { pool_->give_back(std::unique_ptr<T>(object)); }

     private:
        Pool* pool_ = nullptr;
    };
    using Pointer = std::unique_ptr<T, Return>;

    explicit Pool(size_t kept_max) : kept_max_(kept_max) { kept_.reserve(kept_max); }

    template <class... Arguments>
    Pointer take(Arguments&&... arguments) {
        ++taken_;
        if (kept_.empty()) {
            return Pointer(new T(std::forward<Arguments>(arguments)...), Return(this));
        }
        T* const object = kept_.back().release();
        kept_.pop_back();
        least_ = std::min(least_, kept_.size());
        return Pointer(object, Return(this));
    }
    /// Frees what was not needed since the last call.
    void trim() {
        kept_.resize(kept_.size() - std::min(least_, kept_.size()));
        least_ = kept_.size();
    }
    size_t kept() const { return kept_.size(); }
    /// Objects that somebody holds now.
    size_t taken() const { return taken_; }

 private:
    void give_back(std::unique_ptr<T> object) {
        --taken_;
        if constexpr (requires { object->recycle(); }) {
            object->recycle();
        }
        if (kept_.size() < kept_max_) {
            kept_.push_back(std::move(object));
        }
    }
    size_t kept_max_;
    size_t least_ = 0;
    size_t taken_ = 0;
    std::vector<std::unique_ptr<T>> kept_;
};

using BufferPool = Pool<Buffer>;
using BufferPointer = BufferPool::Pointer;

}  // namespace shore::gateway

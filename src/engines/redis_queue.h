// Memory of the Redis endpoint's sessions: buffers from a pool of their loop, and the queue of
// commands that are not answered yet. Neither allocates in steady state.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "engines/limits.h"
#include "engines/redis_command.h"

namespace shore::engines {

/// Bytes on their way. Who uses it keeps the offsets.
class RedisBuffer final {
 public:
    char* data() { return bytes_.get(); }
    size_t capacity() const { return capacity_; }
    explicit operator bool() const { return capacity_ != 0; }

 private:
    friend class RedisBufferPool;
    std::unique_ptr<char[]> bytes_;
    size_t capacity_ = 0;
};

class RedisBufferPool final {
 public:
    RedisBuffer take() {
        if (kept_.empty()) {
            return make(kRedisBufferBytes);
        }
        RedisBuffer buffer = std::move(kept_.back());
        kept_.pop_back();
        return buffer;
    }
    void give_back(RedisBuffer& buffer) {
        if (buffer.capacity_ == kRedisBufferBytes && kept_.size() < kRedisBuffersKept) {
            kept_.push_back(std::move(buffer));
        }
        buffer = RedisBuffer();
    }
    /// Makes room for `capacity` bytes; the first `used` ones are kept.
    static void grow(RedisBuffer& buffer, size_t capacity, size_t used) {
        RedisBuffer larger = make(capacity);
        std::memcpy(larger.data(), buffer.data(), used);
        std::swap(buffer.bytes_, larger.bytes_);
        std::swap(buffer.capacity_, larger.capacity_);
    }

 private:
    static RedisBuffer make(size_t capacity) {
        RedisBuffer buffer;
        buffer.bytes_ = std::make_unique_for_overwrite<char[]>(capacity);
        buffer.capacity_ = capacity;
        return buffer;
    }
    std::vector<RedisBuffer> kept_;
};

/// What the endpoint itself answers to a command.
enum class LocalReply : uint8_t {
    kNone,     ///< Nothing: the server answers.
    kSilence,  ///< The client has asked for no answer.
    kOk,
    kQueued,
    kExecAborted,  ///< The transaction was lost with the primary.
    kExecNil,      ///< The same while keys were watched: as if one had changed.
    kUnknown,      ///< Sent, not answered.
    kNotSent,      ///< Lost while it was being sent: not executed.
    kUnavailable,  ///< There was no primary for too long.
    kReadOnly,     ///< A write at the address for reads.
    kUnsupported,  ///< Replication through the endpoint.
    kNoProtocol,   ///< What the client sent is no RESP; the connection ends.
};
std::string_view text_of(LocalReply reply, bool resp3);

/// A command that is not answered yet.
struct RedisPending {
    enum Flag : uint8_t {
        kWrites = 1,
        kRepeatable = 2,
        kQueued = 4,      ///< Inside of MULTI.
        kSilent = 8,      ///< CLIENT REPLY OFF or SKIP: no answer comes.
        kForgotten = 16,  ///< Its bytes are gone: it cannot be sent again.
        kCandidate = 32,  ///< Sets up the session when it succeeds; its bytes are kept aside.
        kWaits = 64,
        kShared = 128,  ///< Does the same on any connection of the same login.
    };
    uint32_t size = 0;      ///< Its bytes in the buffer; 0 once forgotten.
    uint32_t expected = 1;  ///< Answers to come; 0: as many as there are subscriptions.
    RedisKind kind = RedisKind::kPlain;
    LocalReply local = LocalReply::kNone;
    uint8_t flags = 0;

    bool has(Flag flag) const { return (flags & flag) != 0; }
    /// Changes data when it is executed, and has an answer that says so.
    bool acknowledges() const {
        const bool changes = (has(kWrites) && !has(kQueued)) || kind == RedisKind::kExec;
        return changes && !has(kSilent);
    }
};

/// First in, first out, with access by place.
class RedisQueue final {
 public:
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    RedisPending& operator[](size_t place) {
        return slots_[(first_ + place) & (slots_.size() - 1)];
    }
    const RedisPending& operator[](size_t place) const {
        return slots_[(first_ + place) & (slots_.size() - 1)];
    }
    void push_back(const RedisPending& pending) {
        if (size_ == slots_.size()) {
            grow();
        }
        ++size_;
        (*this)[size_ - 1] = pending;
    }
    void pop_front() {
        first_ = (first_ + 1) & (slots_.size() - 1);
        --size_;
    }

 private:
    void grow() {
        std::vector<RedisPending> larger(slots_.empty() ? 16 : slots_.size() * 2);
        for (size_t i = 0; i < size_; ++i) {
            larger[i] = (*this)[i];
        }
        slots_ = std::move(larger);
        first_ = 0;
    }
    std::vector<RedisPending> slots_;  // A power of two.
    size_t first_ = 0;
    size_t size_ = 0;
};

}  // namespace shore::engines

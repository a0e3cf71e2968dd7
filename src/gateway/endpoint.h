// Endpoint: what all loops know together about one instance that requests can go to. Made by the
// control thread, shared by every compiled snapshot that names it, so its counts survive a swap.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <sys/socket.h>

#include "base/clock.h"
#include "net/address.h"

namespace shore::gateway {

class Endpoint final {
 public:
    Endpoint(std::string instance, net::Address address, uint32_t slot, SteadyTime now = {})
        : instance_(std::move(instance)),
          address_(std::move(address)),
          slot_(slot),
          fresh_since_(now) {
        raw_length_ = address_.to_socket(raw_);
    }

    /// "shop/api-7".
    const std::string& instance() const { return instance_; }
    const net::Address& address() const { return address_; }
    const sockaddr_storage& raw() const { return raw_; }
    socklen_t raw_length() const { return raw_length_; }
    /// Dense number: index of per-loop tables.
    uint32_t slot() const { return slot_; }

    /// Requests and upgraded connections under way, all loops together.
    uint32_t outstanding() const { return outstanding_.load(std::memory_order_relaxed); }
    void begin_request() { outstanding_.fetch_add(1, std::memory_order_relaxed); }
    void end_request() { outstanding_.fetch_sub(1, std::memory_order_release); }
    /// As outstanding, ordered after everything that those requests did.
    uint32_t outstanding_settled() const { return outstanding_.load(std::memory_order_acquire); }

    bool ejected() const { return ejected_.load(std::memory_order_relaxed); }
    /// Takes it out of balancing. True for the one caller who did it.
    bool eject() { return !ejected_.exchange(true, std::memory_order_acq_rel); }
    void readmit(SteadyTime now) {
        fresh_since_.store(now, std::memory_order_relaxed);
        failures_.store(0, std::memory_order_relaxed);
        ejected_.store(false, std::memory_order_release);
    }

    /// When it became known, or came back.
    SteadyTime fresh_since() const { return fresh_since_.load(std::memory_order_relaxed); }

    void succeeded() {
        if (failures_.load(std::memory_order_relaxed) != 0) {
            failures_.store(0, std::memory_order_relaxed);
        }
    }
    /// Counts a failure that may be chance; the number in a row.
    uint32_t failed() { return failures_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
    std::string instance_;
    net::Address address_;
    sockaddr_storage raw_{};
    socklen_t raw_length_ = 0;
    uint32_t slot_;
    std::atomic<uint32_t> outstanding_ = 0;
    std::atomic<uint32_t> failures_ = 0;
    std::atomic<bool> ejected_ = false;
    std::atomic<SteadyTime> fresh_since_;
};

}  // namespace shore::gateway

// PortPool: the ports that instances are told to listen on. A port is taken when nothing listens on
// it and no other instance was told it; it comes back when its process has ended.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace shore::supervise {

class PortPool final {
 public:
    /// Beginning at random keeps two daemons on one machine out of each other's way. `random`
    /// outlives the pool.
    explicit PortPool(base::Random& random) : random_(random) {}

    /// A port of first..last that is free now; `preferred` when that is one (0: none). kExhausted
    /// with the range when none is.
    Result<uint16_t> take(uint16_t first, uint16_t last, uint16_t preferred);
    /// A port that is given. kConflict when something else has it; `way_out` says what to do then
    /// besides ending that: "let the app follow $PORT".
    Result<uint16_t> take_fixed(uint16_t port, std::string_view way_out);
    /// Notes a port that an adopted instance has.
    void adopt(uint16_t port) { taken_.insert(port); }
    /// Gives a port back; fine for 0.
    void give_back(uint16_t port) { taken_.erase(port); }

 private:
    base::Random& random_;
    uint16_t next_ = 0;
    std::set<uint16_t> taken_;
};

}  // namespace shore::supervise

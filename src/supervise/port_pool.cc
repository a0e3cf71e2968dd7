#include "supervise/port_pool.h"

#include "base/assert.h"
#include "net/port_probe.h"

namespace shore::supervise {

Result<uint16_t> PortPool::take(uint16_t first, uint16_t last, uint16_t preferred) {
    SHORE_ASSERT(first > 0 && first <= last);
    const auto is_free = [this](uint16_t port) {
        return !taken_.contains(port) && net::is_tcp_port_free(port).value_or(false);
    };
    if (preferred >= first && preferred <= last && is_free(preferred)) {
        taken_.insert(preferred);
        return preferred;
    }
    const uint32_t count = uint32_t{last} - first + 1;
    if (next_ < first || next_ > last) {
        next_ = static_cast<uint16_t>(first + random_.below(count));
    }
    for (uint32_t i = 0; i < count; ++i) {
        const uint16_t port = next_;
        next_ = port == last ? first : static_cast<uint16_t>(port + 1);
        if (is_free(port)) {
            taken_.insert(port);
            return port;
        }
    }
    return fail(
        ErrorCode::kExhausted,
        "no free port in {}-{} for $PORT: instances hold {}, other programs the rest; widen "
        "x-shore.ports.range",
        first, last, taken_.size());
}

Result<uint16_t> PortPool::take_fixed(uint16_t port, std::string_view way_out) {
    if (taken_.contains(port)) {
        return fail(ErrorCode::kConflict, "port {} is held by another instance", port);
    }
    SHORE_TRY(const bool is_free, net::is_tcp_port_free(port));
    if (!is_free) {
        return fail(ErrorCode::kConflict, "port {} is in use by another program; stop that, or {}",
                    port, way_out);
    }
    taken_.insert(port);
    return port;
}

}  // namespace shore::supervise

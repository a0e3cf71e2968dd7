// InstanceOrder: what the release room asks the supervisor to run: one instance of one service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/service_spec.h"

namespace shore::supervise {

struct InstanceOrder {
    std::string id;           ///< "api-7"; never used before in this stack.
    std::string stack;        ///< model::stack_id(): "shop" or "shop@testing".
    std::string environment;  ///< Name of the environment; empty for the default one. Becomes
                              ///< SHORE_ENVIRONMENT.
    model::ServiceSpec service;
    uint32_t slot = 1;
    uint64_t release = 0;
    std::string digest;
    uint16_t port_first =
        20'000;  ///< $PORT is taken from this range (StackSpec), both ends included.
    uint16_t port_last = 29'999;
    friend bool operator==(const InstanceOrder&, const InstanceOrder&) = default;
};

/// "shop/api-7": the key of an instance in the supervisor, and Endpoint::instance in snapshots.
inline std::string instance_key(std::string_view stack, std::string_view id) {
    std::string key(stack);
    key += '/';
    key += id;
    return key;
}

}  // namespace shore::supervise

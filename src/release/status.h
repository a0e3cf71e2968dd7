// Status: what `shore status` shows, as values. Field names and meaning are those of `status
// --json`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/instance.h"
#include "release/progress.h"

namespace shore::release {

struct ServiceStatus {
    std::string name;
    uint32_t desired = 0;
    uint32_t ready = 0;      ///< Healthy (a completed one-shot counts as ready).
    bool stopped = false;    ///< By `shore stop`.
    bool is_static = false;  ///< Files served by the gateway; no instances.
    bool one_shot = false;
    std::vector<std::string> urls;           ///< Where the gateway publishes it; may be empty.
    std::vector<model::Instance> instances;  ///< Sorted by slot, then age.
};

struct StackStatus {
    std::string name;  ///< stack_id(): "shop", "shop@testing".
    std::string environment;
    std::string directory;
    uint64_t release = 0;    ///< The active one; the deploying one when there is none yet.
    uint64_t deploying = 0;  ///< The release being rolled out; 0: none.
    Phase phase = Phase::kSettled;
    std::string reason;  ///< Why the last rollout failed; empty otherwise.
    std::vector<std::string>
        urls;  ///< "http://localhost:8080/api" per route, then published ports.
    std::vector<std::string> trouble;  ///< What hinders: "listen on http://:8080: address in use".
    std::vector<ServiceStatus> services;
};

}  // namespace shore::release

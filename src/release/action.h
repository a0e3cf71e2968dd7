// Action: one thing to do about the difference between desired and observed. plan() returns them in
// order; the runner carries them out and plans again.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "model/release.h"
#include "release/observed.h"

namespace shore::release {

/// Run a new instance of the service's goal.
struct StartInstance {
    std::string service;
    uint32_t slot = 0;
    friend bool operator==(const StartInstance&, const StartInstance&) = default;
};

/// End an instance for good. It takes no requests any more, or may not wait longer for them to end.
struct StopInstance {
    std::string instance;
    std::string why;  ///< "replaced by release 5", "scaled down to 2".
    friend bool operator==(const StopInstance&, const StopInstance&) = default;
};

/// Drop an instance that has ended and that nobody needs to see any more.
struct ForgetInstance {
    std::string instance;
    friend bool operator==(const ForgetInstance&, const ForgetInstance&) = default;
};

/// Instances of an unchanged service become part of the release.
struct AdoptInstance {
    std::string instance;
    friend bool operator==(const AdoptInstance&, const AdoptInstance&) = default;
};

/// Give the gateway this state of the stack.
struct Publish {
    Publication publication;
    friend bool operator==(const Publish&, const Publish&) = default;
};

/// The release has come to a decision: active, or failed with the reason.
struct MarkRelease {
    model::ReleaseStatus status = model::ReleaseStatus::kActive;
    std::string why;
    bool pause = false;  ///< failure_action pause: stop changing things.
    friend bool operator==(const MarkRelease&, const MarkRelease&) = default;
};

/// The release has failed: desire Desired::previous again.
struct BeginRollback {
    std::string why;
    std::string instance;  ///< Whose last output explains it; may be empty.
    friend bool operator==(const BeginRollback&, const BeginRollback&) = default;
};

using Action = std::variant<StartInstance, StopInstance, ForgetInstance, AdoptInstance, Publish,
                            MarkRelease, BeginRollback>;

/// "start api, replica 2", "drain and stop api-3: replaced by release 5": one line for people and
/// for tests.
std::string to_text(const Action& action);

}  // namespace shore::release

// Digests: of a service (must its instances be replaced?) and of a whole manifest (is it the same
// release?).
#pragma once

#include <string>
#include <string_view>

#include "model/service_spec.h"

namespace shore::config {

/// SHA-256 (hex) over what a running instance was started with. Equal digest: no restart needed.
///
/// Counts: name, image, has_build, command, entrypoint, environment, working_dir, user, umask,
/// limits, reservations, ulimits, volumes, files, log, one_shot, needs_port, fixed_port, and
/// whether it is static. Does not count, because the control plane or the gateway applies it to
/// running instances: replicas, http (hosts, prefix, strip, timeout), static_files, ports, update,
/// rollback, health, restart, depends_on, stop_signal, stop_grace_period, post_start, pre_stop,
/// labels, profiles.
std::string service_digest(const model::ServiceSpec& service);

/// SHA-256 (hex) of a text: Release::digest.
std::string text_digest(std::string_view text);

}  // namespace shore::config

// Part to server: the one list of all engines that an agent can run.
#pragma once

#include <memory>

#include "engines/server.h"

namespace shore::engines {

/// The server of assignment.part, not started. Null when this program has no such part.
std::unique_ptr<Server> make_server(const ServerContext& context, Assignment assignment);

}  // namespace shore::engines

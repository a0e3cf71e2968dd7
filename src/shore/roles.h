// Roles: what one binary is started as. `shore daemon`, `shore gateway` and `shore shim` are
// processes of Shore's own; everything else is a verb of the command line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "shore/state_paths.h"

namespace shore {

/// What the process was started with, read once in main.
struct Invocation {
    std::vector<std::string> arguments;            ///< Without the program's name.
    std::map<std::string, std::string> variables;  ///< The environment.
    std::string directory;                         ///< The current one; absolute.
    std::string program;                           ///< Absolute path of this binary.
    bool is_root = false;
};

/// `shore daemon [--state DIR] [--leave-when-empty] [--ready-fd N]`: runs until told to stop.
int run_daemon_role(const Invocation& invocation);
/// `shore gateway --state DIR`.
int run_gateway_role(const Invocation& invocation);
/// `shore shim DIR`.
int run_shim_role(const Invocation& invocation);
/// `shore engine DIR`: an engine's agent.
int run_engine_role(const Invocation& invocation);
/// Every verb of the command line.
int run_command_line(const Invocation& invocation);

}  // namespace shore

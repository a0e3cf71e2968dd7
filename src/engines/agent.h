// Agent: the process `shore engine DIRECTORY`: reads the assignment in DIRECTORY, starts its
// server, answers on its control socket, applies the assignment anew at SIGHUP, ends the server
// at SIGTERM (also in the middle of such a change), and ends when the server does.
#pragma once

#include <map>
#include <string>

namespace shore::engines {

/// The process's main function. Exit status: 0 after SIGTERM, 1 when the server could not be
/// started or has ended by itself; the log says why.
/// `variables` is the process's environment.
int run_agent(const std::string& run_directory,
              const std::map<std::string, std::string>& variables);

}  // namespace shore::engines

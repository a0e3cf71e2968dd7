// run: the command line from words to exit status. shore/ calls it with what the process was
// started with.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/ports.h"

namespace shore::cli {

struct Ports {
    Terminal& terminal;
    Manifests& manifests;
    DaemonStarter& starter;
    EngineShells& shells;
    const base::Clock& clock;
};

/// `words` are argv without the program; `surroundings.state_directory` already follows --state
/// (see state_option in parse.h). Exit status: 0 done, 1 failed, 2 wrong usage, or that of the
/// command of `exec`. Blocks until the verb ends.
int run(const std::vector<std::string>& words, const Surroundings& surroundings, Ports ports);

}  // namespace shore::cli

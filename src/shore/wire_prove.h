// The proofs' side of the assembly: `shore prove` with real processes and files, and the app that
// it puts under load.
#pragma once

#include <map>
#include <span>
#include <string>

namespace shore {

/// `shore prove [--list] [--json] [CASE...]`; `program` is this binary. With --app alone: the
/// sample app on $PORT, until it is told to end. Returns the exit status.
int run_prove_role(std::span<const std::string> arguments,
                   const std::map<std::string, std::string>& variables, const std::string& program);

}  // namespace shore

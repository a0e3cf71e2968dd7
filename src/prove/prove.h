// `shore prove`: runs cases and reports.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "prove/ports.h"

namespace shore::async {
class Loop;
}

namespace shore::prove {

struct ProveOptions {
    bool list = false;
    bool json = false;
    std::vector<std::string> names;  ///< Empty: every case.
};

/// Reads the arguments behind the verb: [--list] [--json] [CASE...]. kInvalid, with the nearest
/// name, otherwise.
Result<ProveOptions> parse_prove_arguments(std::span<const std::string> arguments);

/// Runs the cases one after another, each on a machine of its own. Text goes to `print` as it
/// comes. Exit status: 0 every promise kept, 1 one missed or not measurable.
int run_prove(async::Loop& loop, const ProveOptions& options,
              const std::function<Result<std::unique_ptr<Machine>>()>& new_machine,
              const std::function<void(std::string_view)>& print);

}  // namespace shore::prove

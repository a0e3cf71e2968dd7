// Context: what a verb works with, and the few steps that most verbs begin with: reach the daemon,
// find the stack.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/run.h"

namespace shore::cli {

class Context final {
 public:
    Context(async::Loop& event_loop, const Surroundings& given, Ports given_ports,
            OutputOptions options, const Command& command);

    /// When no daemon answers.
    enum class Start : uint8_t {
        kAlways,   ///< Start one: up, deploy, plan.
        kIfState,  ///< Start one if this state directory was ever used: verbs that change what may
                   ///< still run.
        kNever,    ///< Say so.
    };
    /// Returns once the daemon is ready; a daemon that is still starting is waited for. False (with
    /// kIfState only): there is no daemon and never was one.
    async::Task<Result<bool>> connect(Start start);

    /// The stack that is meant: -p, else that of the manifest here, else the only one that is up.
    /// An error lists those that are.
    async::Task<Result<std::string>> choose_stack(Arguments arguments);

    /// Prints "shore VERB: …" and where help is; returns 2.
    int wrong_usage(std::string_view text);

    async::Loop& loop;
    const Surroundings& surroundings;
    Ports ports;
    Output output;
    Client client;
    const Command& command;

 private:
    async::Task<Result<void>> wait_until_ready();
};

/// What -f, --env, -p and --profile say.
ManifestQuery manifest_query(const Arguments& arguments);
/// The same as the body of a deploy or plan.
wire::Json deploy_body(const Context& context, const Arguments& arguments, std::string_view origin);

}  // namespace shore::cli

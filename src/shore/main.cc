// The program's entry: reads the process's surroundings once, and hands over to the role that the
// first argument (or the program's own name, for a link called shored) asks for.
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "base/strings.h"
#include "os/heap.h"
#include "shore/roles.h"
#include "shore/wire_prove.h"

extern char** environ;

namespace shore {

namespace {

Invocation read_invocation(int argc, char** argv) {
    Invocation invocation;
    invocation.arguments.assign(argv + (argc > 0 ? 1 : 0), argv + argc);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (const auto parts = base::split_once(*entry, '=')) {
            invocation.variables.emplace(parts->first, parts->second);
        }
    }
    std::error_code error;
    invocation.directory = std::filesystem::current_path(error).native();
    invocation.program = std::filesystem::read_symlink("/proc/self/exe", error).native();
    invocation.is_root = geteuid() == 0;
    return invocation;
}

/// Takes the role off the arguments; "" for the command line proper, which also explains the roles.
std::string take_role(Invocation& invocation, std::string_view program_name) {
    std::vector<std::string>& arguments = invocation.arguments;
    if (program_name == "shored") {
        arguments.insert(arguments.begin(), "daemon");
    }
    std::string role = arguments.empty() ? "" : arguments.front();
    if (role != "daemon" && role != "gateway" && role != "shim" && role != "engine" &&
        role != "prove") {
        return "";
    }
    const std::string_view next = arguments.size() > 1 ? std::string_view(arguments[1]) : "";
    if (next == "--help" || next == "-h") {
        return "";
    }
    if (role == "gateway" && !next.empty() && !next.starts_with("-")) {
        return "";  // `shore gateway upgrade` is a verb.
    }
    arguments.erase(arguments.begin());
    return role;
}

int run(int argc, char** argv) {
    Invocation invocation = read_invocation(argc, argv);
    const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().native() : "";
    const std::string role = take_role(invocation, name);
    // Most roles live for months, and compress a log now and then, which takes 4 MiB for a moment.
    os::keep_no_large_blocks();
    if (role == "daemon") {
        return run_daemon_role(invocation);
    }
    if (role == "gateway") {
        return run_gateway_role(invocation);
    }
    if (role == "shim") {
        return run_shim_role(invocation);
    }
    if (role == "engine") {
        return run_engine_role(invocation);
    }
    if (role == "prove") {
        return run_prove_role(invocation.arguments, invocation.variables, invocation.program);
    }
    return run_command_line(invocation);
}

}  // namespace

}  // namespace shore

int main(int argc, char** argv) {
    return shore::run(argc, argv);
}

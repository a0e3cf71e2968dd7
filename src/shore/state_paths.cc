#include "shore/state_paths.h"

#include <system_error>

#include <sys/un.h>

namespace shore {

namespace {

namespace fs = std::filesystem;

std::string variable(const std::map<std::string, std::string>& variables, const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
}

}  // namespace

Result<StatePaths> find_state(std::string_view flag,
                              const std::map<std::string, std::string>& variables, bool is_root,
                              const fs::path& working_directory) {
    fs::path root(flag);
    if (root.empty()) {
        root = variable(variables, "SHORE_STATE");
    }
    if (root.empty() && is_root) {
        root = "/var/lib/shore";
    }
    if (root.empty()) {
        const std::string state_home = variable(variables, "XDG_STATE_HOME");
        const std::string home = variable(variables, "HOME");
        if (!state_home.empty()) {
            root = fs::path(state_home) / "shore";
        } else if (!home.empty()) {
            root = fs::path(home) / ".local/state/shore";
        }
    }
    if (root.empty()) {
        return fail(
            ErrorCode::kInvalid,
            "no state directory: neither --state, SHORE_STATE, XDG_STATE_HOME nor HOME is set; "
            "give one with --state DIR");
    }
    StatePaths paths((working_directory / root).lexically_normal());
    const size_t length = paths.gateway_socket().native().size();
    if (length >= sizeof(sockaddr_un::sun_path)) {
        return fail(
            ErrorCode::kInvalid,
            "the state directory {} is too long: its sockets would have {} bytes and the kernel "
            "takes {}; choose a shorter one with --state DIR",
            paths.root().native(), length, sizeof(sockaddr_un::sun_path) - 1);
    }
    return paths;
}

Result<void> create_directories(const StatePaths& paths) {
    // Started by root, engines and apps with `user:` run as others: they pass through to what is
    // theirs and can list nothing.
    const fs::perms passage =
        ::geteuid() == 0 ? fs::perms::group_exec | fs::perms::others_exec : fs::perms::none;
    for (const fs::path& directory :
         {paths.root(), paths.run(), paths.volumes(), paths.logs(), paths.own_logs()}) {
        std::error_code error;
        const bool created = fs::create_directories(directory, error);
        if (error) {
            return fail(Error::from_errno(error.value(), "create " + directory.native())
                            .with("state directory"));
        }
        const bool is_log = directory == paths.logs() || directory == paths.own_logs();
        if (created || !is_log) {
            fs::permissions(directory, fs::perms::owner_all | (is_log ? fs::perms::none : passage),
                            error);
        }
    }
    return {};
}

}  // namespace shore

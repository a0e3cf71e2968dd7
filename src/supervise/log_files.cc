#include "supervise/log_files.h"

#include <map>
#include <vector>

#include <sys/stat.h>

#include "os/directory.h"
#include "os/file.h"
#include "supervise/limits.h"

namespace shore::supervise {
namespace {

struct OldFile {
    std::string path;
    WallTime written{};
};

}  // namespace

std::string instance_of_log(std::string_view file_name) {
    const size_t end = file_name.find(".log");
    if (end == std::string_view::npos || end == 0) {
        return "";
    }
    const std::string_view rest = file_name.substr(end + 4);
    return rest.empty() || rest.starts_with('.') ? std::string(file_name.substr(0, end)) : "";
}

void prune_ended_logs(const std::string& live_path, Duration age_max, WallTime now) {
    const size_t slash = live_path.rfind('/');
    const std::string directory = live_path.substr(0, slash);
    const std::string own = instance_of_log(live_path.substr(slash + 1));
    const auto names = os::list_directory(directory);
    if (!names) {
        return;
    }
    std::vector<OldFile> others;
    for (const std::string& name : *names) {
        const std::string instance = instance_of_log(name);
        struct stat status{};
        const std::string path = fmt::format("{}/{}", directory, name);
        if (instance.empty() || instance == own || ::stat(path.c_str(), &status) < 0) {
            continue;
        }
        others.push_back({path, WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                                         std::chrono::nanoseconds(status.st_mtim.tv_nsec))});
    }
    std::ranges::sort(others, std::greater<>(), &OldFile::written);
    for (size_t i = 0; i < others.size(); ++i) {
        if (now - others[i].written >= age_max || i >= kEndedLogFilesMax) {
            (void)os::remove_file(others[i].path);
        }
    }
}

}  // namespace shore::supervise

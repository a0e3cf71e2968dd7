#include "os/user.h"

#include <charconv>
#include <optional>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"

namespace shore::os {

namespace {

constexpr size_t kEntryBytesMax = 64 * 1024;  // A group with some thousands of members fits.

std::optional<uint32_t> as_number(std::string_view text) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

Result<User> look_up(std::string_view text) {
    std::vector<char> buffer(kEntryBytesMax);
    passwd entry{};
    passwd* found = nullptr;
    const std::optional<uint32_t> number = as_number(text);
    const std::string name(text);
    const int failed = number
                           ? getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found)
                           : getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr && number) {
        return User{.uid = *number, .gid = *number};
    }
    if (found == nullptr) {
        return failed != 0 ? fail(Error::from_errno(failed, "look up user " + name))
                           : fail(ErrorCode::kNotFound, "this machine has no user \"{}\"", name);
    }
    return User{
        .uid = entry.pw_uid, .gid = entry.pw_gid, .name = entry.pw_name, .home = entry.pw_dir};
}

Result<gid_t> look_up_group(std::string_view text) {
    if (const std::optional<uint32_t> number = as_number(text)) {
        return *number;
    }
    std::vector<char> buffer(kEntryBytesMax);
    group entry{};
    group* found = nullptr;
    const std::string name(text);
    const int failed = getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return failed != 0 ? fail(Error::from_errno(failed, "look up group " + name))
                           : fail(ErrorCode::kNotFound, "this machine has no group \"{}\"", name);
    }
    return entry.gr_gid;
}

}  // namespace

Result<User> find_user_blocking(std::string_view text) {
    const auto parts = base::split_once(text, ':');
    const std::string_view user_part = parts ? parts->first : text;
    if (user_part.empty()) {
        return fail(ErrorCode::kInvalid,
                    "a user is \"name\", \"name:group\" or numbers, got \"{}\"",
                    base::printable(text));
    }
    SHORE_TRY(User user, look_up(user_part));
    if (parts && !parts->second.empty()) {
        SHORE_TRY(user.gid, look_up_group(parts->second));
    }
    user.groups = {user.gid};
    if (!user.name.empty()) {
        int count = 256;
        user.groups.resize(static_cast<size_t>(count));
        if (getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) {
            user.groups.resize(static_cast<size_t>(count));
            getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count);
        }
        user.groups.resize(static_cast<size_t>(count));
    }
    return user;
}

uid_t effective_user() {
    return geteuid();
}
gid_t effective_group() {
    return getegid();
}

std::optional<uid_t> peer_user(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        credentials.uid == static_cast<uid_t>(-1)) {
        return std::nullopt;
    }
    return credentials.uid;
}

}  // namespace shore::os

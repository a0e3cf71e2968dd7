// Users and groups of this machine, as Compose's `user:` names them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace shore::os {

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  ///< Supplementary, with gid.
    std::string name;           ///< Empty for a number without an entry.
    std::string home;           ///< Empty likewise.
};

/// Reads "user", "user:group", "1000", "1000:1000". kNotFound for a name without an entry; kInvalid
/// for anything else. May read files and ask the network (NSS): not on a loop.
Result<User> find_user_blocking(std::string_view text);

/// Who this process acts as.
uid_t effective_user();
gid_t effective_group();

/// The user of the process at the other end of a connected Unix socket, as the kernel saw it when
/// it connected (SO_PEERCRED, unix(7)); nothing for other sockets.
std::optional<uid_t> peer_user(int socket);

}  // namespace shore::os

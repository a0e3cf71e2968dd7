// Unix sockets named within a directory, however long the directory's path is: sun_path holds 107
// bytes (unix(7)), so the name is resolved through a descriptor of the directory
// (/proc/self/fd/N/name).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "os/fd.h"

namespace shore::os {

/// A listening stream socket `directory`/`name` of mode `mode`; one that is there already is
/// replaced. Non-blocking.
Result<Fd> listen_unix(const std::string& directory, std::string_view name, mode_t mode);
/// Makes this process the one that peer_pid() shows to who connects from now on, when another
/// opened the listener for it.
Result<void> claim_listener(int listener);
/// Connected, non-blocking. kNotFound when there is no such socket, kUnavailable when nobody
/// listens on it.
Result<Fd> connect_unix(const std::string& directory, std::string_view name);
/// The next connection, non-blocking; nothing when none waits or it was gone before it was taken.
std::optional<Fd> accept_unix(int listener);
/// Process id of the peer: of who connected, or of who last listened (SO_PEERCRED); 0 when unknown.
pid_t peer_pid(int socket);

/// What a read or write on a non-blocking socket or pipe came to.
enum class Transfer : uint8_t { kSome, kWouldBlock, kEnded };
/// Reads what is there into `buffer`; kEnded at the end or when the connection is broken.
Transfer read_some(int descriptor, std::span<char> buffer, size_t& count);
/// Sends a part of `bytes` without SIGPIPE; kEnded when the connection is broken. Sockets only.
Transfer send_some(int descriptor, std::string_view bytes, size_t& count);

}  // namespace shore::os

// Options that several verbs share, so that they are described once.
#pragma once

#include "cli/command.h"

namespace shore::cli {

inline constexpr Option kFileOption{
    "file", 'f', "FILE", "A manifest; several are merged in order", Completes::kFile, true};
/// For verbs whose -f is --follow.
inline constexpr Option kLongFileOption{
    "file", 0, "FILE", "A manifest; several are merged in order", Completes::kFile, true};
inline constexpr Option kEnvOption{"env", 'e', "NAME",
                                   "Environment, such as testing: a stack beside the default one"};
inline constexpr Option kProjectOption{
    "project-name", 'p', "NAME", "The stack, whatever the manifest here says", Completes::kStack};
inline constexpr Option kProfileOption{
    "profile", 0, "NAME", "Activate a profile of the manifest", Completes::kNothing, true};
inline constexpr Option kEnvFileOption{"env-file",       0,   "FILE", "Read this instead of .env",
                                       Completes::kFile, true};
inline constexpr Option kNoWaitOption{"no-wait", 0, "", "Return as soon as the change is accepted"};
inline constexpr Option kWaitTimeoutOption{
    "wait-timeout", 0, "TIME", "Give up waiting after this long (30s, 5m); the change goes on"};

/// For verbs that act on a stack that is up.
inline constexpr Option kStackOptions[] = {kProjectOption, kEnvOption, kFileOption};
/// The same with waiting.
inline constexpr Option kChangeOptions[] = {kProjectOption, kEnvOption, kFileOption, kNoWaitOption,
                                            kWaitTimeoutOption};

}  // namespace shore::cli

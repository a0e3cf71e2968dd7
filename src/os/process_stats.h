// What /proc says of processes: who they are, when they started, what they use.
//
// A process number alone is no name: it is reused. Number and start time together are one, within
// one boot; boot_id() tells boots apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace shore::os {

struct ProcessStats {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    char state = '?';          ///< R, S, D, Z, T, ... as in proc(5).
    uint64_t start_ticks = 0;  ///< Clock ticks since boot; with the pid it names the process.
    Duration cpu{};            ///< User and system time so far.
    Bytes resident;
    uint32_t threads = 0;
    std::string command;  ///< At most 15 bytes, as the kernel keeps it.
};

/// kNotFound when there is no such process.
Result<ProcessStats> process_stats(pid_t pid);
/// Start time alone: compare it before trusting a remembered pid. kNotFound as above.
Result<uint64_t> process_start_ticks(pid_t pid);
/// Every process that is visible; those that end meanwhile are left out. One pass over /proc.
Result<std::vector<ProcessStats>> all_processes();

/// Reads the text of /proc/PID/stat (proc(5)). kCorrupt when it is not one.
Result<ProcessStats> parse_process_stat(std::string_view text);

struct MachineStats {
    Bytes memory_total;
    Bytes memory_available;
    uint32_t cpus = 0;  ///< Usable by this process.
    double load_1m = 0;
};
Result<MachineStats> machine_stats();

/// Changes with every boot; empty where the kernel does not tell.
std::string boot_id();

}  // namespace shore::os

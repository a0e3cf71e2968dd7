// Signals as a descriptor (signalfd), and their names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "os/fd.h"

namespace shore::os {

/// "SIGTERM"; "SIGRTMIN+3"; "signal 99" for a number without a name.
std::string signal_name(int number);
/// Reads "SIGTERM", "term", "15", "SIGRTMIN+3". Nothing when it is no signal.
std::optional<int> signal_number(std::string_view text);

/// SIGPIPE ignored for the whole process: writes to a closed peer report EPIPE instead. Children
/// get the default back (Process::spawn).
void ignore_broken_pipe();

struct ReceivedSignal {
    int number = 0;
    pid_t sender = 0;
};

/// A set of signals, blocked in the calling thread and read from a descriptor. Open it in main
/// before any thread starts: threads inherit the mask. The destructor does not unblock.
class [[nodiscard]] SignalSet final {
 public:
    static Result<SignalSet> open(std::span<const int> numbers);

    int descriptor() const { return descriptor_.get(); }
    /// The next signal that has arrived, or nothing. Never waits.
    std::optional<ReceivedSignal> take();

 private:
    explicit SignalSet(Fd descriptor) : descriptor_(std::move(descriptor)) {}
    Fd descriptor_;
};

}  // namespace shore::os

#include "os/signal.h"

#include <charconv>
#include <csignal>

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/strings.h"

namespace shore::os {

namespace {

std::optional<int> number_in(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<int> real_time_signal(std::string_view name) {
    const bool from_min = name.starts_with("rtmin");
    if (!from_min && !name.starts_with("rtmax")) {
        return std::nullopt;
    }
    name.remove_prefix(5);
    if (name.empty()) {
        return from_min ? SIGRTMIN : SIGRTMAX;
    }
    const std::optional<int> offset = number_in(name.substr(1));
    if (!offset || *offset < 0 || *offset > SIGRTMAX - SIGRTMIN ||
        name.front() != (from_min ? '+' : '-')) {
        return std::nullopt;
    }
    return from_min ? SIGRTMIN + *offset : SIGRTMAX - *offset;
}

}  // namespace

std::string signal_name(int number) {
    if (number >= SIGRTMIN && number <= SIGRTMAX) {
        return number == SIGRTMIN ? "SIGRTMIN" : fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
    }
    const char* const name = number > 0 && number < NSIG ? sigabbrev_np(number) : nullptr;
    return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

std::optional<int> signal_number(std::string_view text) {
    if (const std::optional<int> number = number_in(text)) {
        return *number > 0 && *number <= SIGRTMAX ? number : std::nullopt;
    }
    std::string name = base::to_lower(text);
    if (name.starts_with("sig")) {
        name.erase(0, 3);
    }
    for (int number = 1; number < SIGRTMIN; ++number) {
        const char* const known = sigabbrev_np(number);
        if (known != nullptr && base::equals_ignoring_case(name, known)) {
            return number;
        }
    }
    return real_time_signal(name);
}

void ignore_broken_pipe() {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

Result<SignalSet> SignalSet::open(std::span<const int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) {
        if (sigaddset(&set, number) < 0) {
            return fail(last_error(fmt::format("watch signal {}", number)));
        }
    }
    if (const int failed = pthread_sigmask(SIG_BLOCK, &set, nullptr); failed != 0) {
        return fail(Error::from_errno(failed, "block signals"));
    }
    Fd descriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!descriptor) {
        return fail(last_error("watch signals: signalfd"));
    }
    return SignalSet(std::move(descriptor));
}

std::optional<ReceivedSignal> SignalSet::take() {
    signalfd_siginfo received;
    if (read(descriptor_.get(), &received, sizeof received) != sizeof received) {
        return std::nullopt;
    }
    return ReceivedSignal{static_cast<int>(received.ssi_signo),
                          static_cast<pid_t>(received.ssi_pid)};
}

}  // namespace shore::os

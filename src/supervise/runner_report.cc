// What a Runner says and keeps: ends in words, events, its record.
#include <cerrno>

#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process_stats.h"
#include "supervise/launch.h"
#include "supervise/limits.h"
#include "supervise/runner.h"

namespace shore::supervise {
namespace {

/// Lines quoted in an event about a failure.
constexpr size_t kQuotedLines = 10;

bool cannot_be_helped(int errno_value) {
    return errno_value == ENOENT || errno_value == EACCES || errno_value == ENOEXEC ||
           errno_value == ENOTDIR || errno_value == EPERM || errno_value == ELOOP;
}

}  // namespace

Runner::End Runner::end_of(const ShimStatus& status) const {
    End end;
    end.lived = std::max<Duration>(status.ended_at - status.started_at, Duration::zero());
    if (status.phase == ShimPhase::kNotStarted) {
        end.exit_code = 127;
        end.permanent = cannot_be_helped(status.error_errno);
        end.why = launch_ ? explain_start_failure(status.error, status.error_errno, *launch_)
                          : status.error;
        return end;
    }
    end.exit_code = status.end.shell_code();
    end.success = status.end.success() && end_reason_.empty();
    end.oom = status.oom_killed;
    if (!end_reason_.empty()) {
        end.why = end_reason_;
    } else if (status.oom_killed) {
        const auto& memory = record_.order.service.limits.memory;
        end.why = fmt::format("out of memory: killed by the kernel at its limit of {}",
                              memory ? base::to_text(*memory) : "the machine");
    } else {
        end.why = os::to_text(status.end);
    }
    return end;
}

Runner::End Runner::end_of_lost_shim() const {
    End end;
    end.exit_code = 137;
    end.lived =
        record_.instance.started_at == WallTime{}
            ? Duration{}
            : std::max<Duration>(context_.loop.wall_now() - record_.instance.started_at, {});
    end.why = "its shim was killed or could not start, and the app with it";
    return end;
}

/// An instance that should be live, but no shim answers: it ended while no daemon ran, or the
/// machine was restarted.
Runner::End Runner::end_from_files() {
    if (const auto text = os::read_file(directory_ + "/status.json", Bytes{kShimLineMax})) {
        if (auto status = parse_shim_status(*text)) {
            status_ = std::move(*status);
            if (status_.phase == ShimPhase::kExited || status_.phase == ShimPhase::kNotStarted) {
                return end_of(status_);
            }
        }
    }
    End end = end_of_lost_shim();
    end.why = status_.boot_id.empty() || status_.boot_id == os::boot_id()
                  ? "ended while no daemon ran, and its shim with it"
                  : "the machine was restarted";
    return end;
}

std::string Runner::quote_last_line() const {
    return status_.tail.empty() ? "" : fmt::format("; last output: {}", status_.tail.back());
}

std::string Runner::quote_last_lines() const {
    if (status_.tail.empty()) {
        return "";
    }
    std::string text = "\nlast output:";
    const size_t first = status_.tail.size() - std::min(status_.tail.size(), kQuotedLines);
    for (size_t i = first; i < status_.tail.size(); ++i) {
        text += "\n  " + status_.tail[i];
    }
    return text;
}

void Runner::note_lost_lines(const ShimStatus& status) {
    if (status.lost_lines > lost_told_) {
        emit("instance.output_lost", fmt::format("{} lines of output lost: {}",
                                                 status.lost_lines - lost_told_, status.lost_why));
        lost_told_ = status.lost_lines;
    }
}

void Runner::set_state(model::InstanceState state, std::string reason) {
    record_.instance.state = state;
    record_.instance.reason = std::move(reason);
    record_.instance.changed_at = context_.loop.wall_now();
    save();
    context_.changed(record_.instance);
}

void Runner::emit(std::string_view kind, std::string message) {
    context_.events.record({.at = context_.loop.wall_now(),
                            .stack = record_.order.stack,
                            .service = record_.order.service.name,
                            .instance = record_.order.id,
                            .kind = std::string(kind),
                            .message = std::move(message)});
}

void Runner::tell_note(const std::string& note) {
    const std::string key =
        fmt::format("{}/{}: {}", record_.order.stack, record_.order.service.name, note);
    if (context_.notes_told.insert(key).second) {
        emit("instance.note", note);
    }
}

void Runner::save() {
    auto saved = os::make_directories(directory_, 0711);
    if (saved) {
        saved = os::write_file_atomically(directory_ + "/instance.json", to_json(record_), 0600,
                                          os::Durability::kVisible);
    }
    if (!saved && !save_failure_told_) {
        emit("instance.not_saved",
             fmt::format("a restart of the daemon would not know its state: {}",
                         saved.error().text()));
    }
    save_failure_told_ = !saved;
}

}  // namespace shore::supervise

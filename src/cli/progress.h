// Following a change to its end: a table that moves on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "wire/json.h"

namespace shore::cli {

class Context;

/// Draws Progress documents on stderr. On a terminal it keeps one block of lines up to date;
/// finish() leaves its last state standing.
class ProgressView final {
 public:
    explicit ProgressView(Output& output) : output_(output) {}

    void show(const wire::Json& progress);
    /// Draws the spinner's next picture; on a terminal only.
    void tick();
    void finish();

 private:
    void draw();
    void print_news(const wire::Json& progress);
    void print_message(std::string_view message);
    std::string erase_sequence();

    Output& output_;
    wire::Json progress_;
    size_t lines_drawn_ = 0;
    size_t picture_ = 0;
    std::string last_message_;
    std::map<std::string, std::string, std::less<>> last_lines_;
};

/// Watches `stack` until `release` (absent: whatever is under way) has come to its end; returns the
/// Settled document. `timeout`: kTimeout after that long, the change goes on.
async::Task<Result<wire::Json>> follow_change(Context& context, std::string stack,
                                              std::optional<int64_t> release,
                                              std::optional<Duration> timeout);

/// Follows a change of services as the verb's options say (--no-wait, --wait-timeout), prints the
/// outcome, and gives the exit status. `accepted` is the API's answer; `done` is what a person
/// reads when it went well.
async::Task<Result<int>> finish_change(Context& context, wire::Json accepted, Arguments arguments,
                                       std::string done);

/// --wait-timeout. kInvalid for what is no duration.
Result<std::optional<Duration>> wait_timeout(const Arguments& arguments);

}  // namespace shore::cli

#include "cli/progress.h"

#include "async/deadline.h"
#include "async/scope.h"
#include "async/timer.h"
#include "cli/context.h"
#include "cli/width.h"

namespace shore::cli {
namespace {

using wire::Json;

constexpr std::chrono::milliseconds kTickInterval{120};
constexpr std::string_view kPictures[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

bool is_done(const Json& service) {
    return service["ready"].integer() >= service["desired"].integer() &&
           service["updated"].integer() >= service["desired"].integer();
}

std::string service_line(const Json& service) {
    if (service["kind"].text() == "static") {
        return "static";
    }
    const int64_t ready = service["ready"].integer();
    const int64_t desired = service["desired"].integer();
    if (desired == 0 && ready <= 0) {
        return "none to run";
    }
    std::string line = fmt::format("{}/{} ready", ready, desired);
    if (desired > 0 && service["updated"].integer() != service["ready"].integer()) {
        line += fmt::format(", {} new", service["updated"].integer());
    }
    if (!service["note"].text().empty()) {
        line += fmt::format(", {}", service["note"].text());
    }
    return line;
}

/// The message only repeats what a service's line says.
bool is_told_by_a_note(const Json& progress) {
    return std::ranges::any_of(progress["services"].items(), [&](const Json& service) {
        const std::string_view note = service["note"].text();
        return !note.empty() && progress["message"].text().ends_with(note);
    });
}

async::Task<void> tick_for_ever(async::Loop& loop, ProgressView& view) {
    while (true) {
        co_await async::sleep_for(loop, kTickInterval);
        view.tick();
    }
}

async::Task<Result<Json>> watch(Context& context, std::string target, ProgressView& view) {
    SHORE_CO_TRY(const auto stream, co_await context.client.follow(std::move(target)));
    while (true) {
        SHORE_CO_TRY(const auto event, co_await stream->next());
        if (!event) {
            co_return fail(ErrorCode::kUnavailable,
                           "the daemon ended while it worked; `shore status` shows what is there");
        }
        SHORE_CO_TRY(Json data, Json::parse(event->data));
        if (event->event == "settled") {
            co_return data;
        }
        if (event->event == "progress") {
            view.show(data);
        }
    }
}

}  // namespace

void ProgressView::show(const Json& progress) {
    progress_ = progress;
    if (output_.is_live()) {
        if (!is_told_by_a_note(progress)) {
            print_message(progress["message"].text());
        }
        draw();
    } else {
        print_news(progress);
    }
}

void ProgressView::tick() {
    if (output_.is_live() && progress_.is_object()) {
        ++picture_;
        draw();
    }
}

void ProgressView::finish() {
    if (output_.is_live() && progress_.is_object()) {
        draw();
    }
    lines_drawn_ = 0;
    progress_ = {};
}

/// Takes the block away; what follows stands in its place.
std::string ProgressView::erase_sequence() {
    const size_t lines = std::exchange(lines_drawn_, 0);
    return lines == 0 ? std::string() : fmt::format("\x1b[{}A\r\x1b[J", lines);
}

void ProgressView::print_message(std::string_view message) {
    if (message.empty() || message == last_message_) {
        return;
    }
    last_message_ = message;
    output_.print_error(erase_sequence());
    output_.note(message);
}

void ProgressView::draw() {
    const size_t columns = output_.size().columns;
    std::string text = erase_sequence();
    size_t name_width = 0;
    for (const Json& service : progress_["services"].items()) {
        name_width = std::max(name_width, display_width(service["name"].text()));
    }
    // A block that is higher than the screen cannot be redrawn; the first services stand for the
    // rest.
    const size_t rows = std::max<size_t>(output_.size().rows, 4) - 2;
    for (const Json& service : progress_["services"].items()) {
        if (lines_drawn_ == rows) {
            break;
        }
        const bool done = is_done(service);
        const std::string mark =
            done ? output_.paint_error("✔", Color::kGreen)
                 : output_.paint_error(kPictures[picture_ % std::size(kPictures)], Color::kYellow);
        const std::string name(service["name"].text());
        const std::string line =
            fmt::format("{}{}  {}", name, std::string(name_width - display_width(name), ' '),
                        service_line(service));
        text += fmt::format(" {} {}\n", mark, fitted(line, columns > 4 ? columns - 4 : 0));
        ++lines_drawn_;
    }
    output_.print_error(text);
}

void ProgressView::print_news(const Json& progress) {
    print_message(progress["message"].text());
    for (const Json& service : progress["services"].items()) {
        std::string line = service_line(service);
        std::string& last = last_lines_[std::string(service["name"].text())];
        if (line != last) {
            output_.note(fmt::format("{}: {}", service["name"].text(), line));
            last = std::move(line);
        }
    }
}

async::Task<Result<Json>> follow_change(Context& context, std::string stack,
                                        std::optional<int64_t> release,
                                        std::optional<Duration> timeout) {
    std::string target = stack_target(stack, "/progress");
    if (release && *release != 0) {
        target += fmt::format("?release={}", *release);
    }
    ProgressView view(context.output);
    async::Scope ticking(context.loop);
    ticking.spawn(tick_for_ever(context.loop, view));
    const auto deadline =
        timeout ? async::Deadline::in(context.loop, *timeout) : async::Deadline::never();
    auto settled = co_await async::with_deadline(context.loop, deadline, "waiting for it",
                                                 watch(context, std::move(target), view));
    ticking.stop();
    view.finish();
    co_return settled;
}

Result<std::optional<Duration>> wait_timeout(const Arguments& arguments) {
    if (!arguments.has("wait-timeout")) {
        return std::optional<Duration>();
    }
    const std::string text = arguments.value("wait-timeout");
    const bool is_bare = text.find_first_not_of("0123456789") == text.npos;
    auto duration = base::parse_duration(is_bare ? text + "s" : text);
    if (!duration) {
        return fail(std::move(duration.error()).with("--wait-timeout"));
    }
    return std::optional(*duration);
}

async::Task<Result<int>> finish_change(Context& context, Json accepted, Arguments arguments,
                                       std::string done) {
    Output& output = context.output;
    if (arguments.has("no-wait")) {
        output.print(output.json() ? accepted.dump_indented() : "");
        co_return 0;
    }
    SHORE_CO_TRY(const auto timeout, wait_timeout(arguments));
    const std::string stack(accepted["stack"].text());
    SHORE_CO_TRY(const Json settled,
                 co_await follow_change(context, stack, accepted["release"].integer(), timeout));
    if (output.json()) {
        output.print(Json(accepted).set("settled", settled).dump_indented());
    }
    if (!settled["ok"].truth()) {
        co_return fail(ErrorCode::kConflict, "{}: {}", stack, settled["message"].text());
    }
    output.note(done.empty() ? fmt::format("{}: {}", stack, settled["message"].text()) : done);
    co_return 0;
}

}  // namespace shore::cli

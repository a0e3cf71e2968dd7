#include "cli/output.h"

namespace shore::cli {
namespace {

/// SGR parameters (ECMA-48 section 8.3.117).
std::string_view sequence(Color color) {
    switch (color) {
        case Color::kNone:
            return "";
        case Color::kBold:
            return "1";
        case Color::kDim:
            return "2";
        case Color::kRed:
            return "31";
        case Color::kGreen:
            return "32";
        case Color::kYellow:
            return "33";
        case Color::kBlue:
            return "34";
        case Color::kMagenta:
            return "35";
        case Color::kCyan:
            return "36";
    }
    return "";
}

std::string painted(std::string_view text, Color color, bool allowed) {
    if (!allowed || color == Color::kNone || text.empty()) {
        return std::string(text);
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", sequence(color), text);
}

}  // namespace

void Output::print(std::string_view text) {
    if (!broken_ && !terminal_.write_stdout(text)) {
        broken_ = true;
    }
}

void Output::note(std::string_view text) {
    if (!options_.quiet) {
        terminal_.write_stderr(fmt::format("{}\n", text));
    }
}

void Output::error(std::string_view text) {
    terminal_.write_stderr(fmt::format("{} {}\n", paint_error("shore:", Color::kRed), text));
}

std::string Output::paint(std::string_view text, Color color) const {
    return painted(text, color, options_.color_allowed && terminal_.stdout_is_terminal());
}

std::string Output::paint_error(std::string_view text, Color color) const {
    return painted(text, color, options_.color_allowed && terminal_.stderr_is_terminal());
}

}  // namespace shore::cli

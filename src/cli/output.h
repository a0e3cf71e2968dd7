// Output: what a verb prints. Data goes to stdout, everything else to stderr; colours only where a
// person looks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/ports.h"

namespace shore::cli {

enum class Color : uint8_t { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

struct OutputOptions {
    bool json = false;
    bool quiet = false;
    bool color_allowed = true;  ///< False for --no-color, NO_COLOR (no-color.org) and TERM=dumb.
};

class Output final {
 public:
    Output(Terminal& terminal, OutputOptions options) : terminal_(terminal), options_(options) {}

    /// Data. Once nobody reads stdout any more, it does nothing and broken() is true.
    void print(std::string_view text);
    /// A sentence beside the data; a line end is added. Not with --quiet.
    void note(std::string_view text);
    /// "shore: …", also with --quiet.
    void error(std::string_view text);
    /// Bytes for stderr as they are: live tables, a command's stderr.
    void print_error(std::string_view text) { terminal_.write_stderr(text); }

    /// `text` in the colour, if `stdout` (or stderr) is shown in colours.
    std::string paint(std::string_view text, Color color) const;
    std::string paint_error(std::string_view text, Color color) const;

    bool json() const { return options_.json; }
    bool quiet() const { return options_.quiet; }
    bool broken() const { return broken_; }
    /// A person watches stderr: live tables may move.
    bool is_live() const {
        return terminal_.stderr_is_terminal() && options_.color_allowed && !quiet();
    }
    bool stdout_is_terminal() const { return terminal_.stdout_is_terminal(); }
    Terminal::Size size() const { return terminal_.size(); }

 private:
    Terminal& terminal_;
    OutputOptions options_;
    bool broken_ = false;
};

}  // namespace shore::cli

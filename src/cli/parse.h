// The command line's words to a verb and its arguments, checked against the command table.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/command.h"

namespace shore::cli {

struct Parsed {
    const Command* command = nullptr;
    Arguments arguments;
};

/// `words` are argv without the program. Nothing or --help alone is `help`, --version is `version`,
/// VERB --help is `help VERB`. The error is a sentence for people, with "did you mean"; it is
/// always wrong usage.
std::expected<Parsed, std::string> parse(const std::vector<std::string>& words);

/// The value of --state, wherever it stands before a `--`; empty when it is not given. For shore/,
/// which must know the state directory before anything else.
std::string state_option(const std::vector<std::string>& words);

}  // namespace shore::cli

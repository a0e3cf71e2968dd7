// The command table: every verb with its options, arguments and examples, once. Parsing, help, the
// manual page, the reference page and shell completions all come from its rows.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"

namespace shore::cli {

class Context;

/// What a shell offers where a value is expected.
enum class Completes : uint8_t { kNothing, kFile, kDirectory, kService, kStack, kVerb, kShell };

struct Option {
    std::string_view name;   ///< "file", given as --file.
    char letter = 0;         ///< 'f' for -f; 0: none.
    std::string_view value;  ///< Placeholder such as FILE; empty: a flag.
    std::string_view description;
    Completes completes = Completes::kNothing;
    bool repeatable = false;
};

struct Positional {
    enum class Count : uint8_t {
        kOne,
        kOptional,
        kAny,
        kAtLeastOne,
        kRest,    ///< Everything that follows, options included, taken as it is.
        kBehind,  ///< Everything behind "--", likewise; nothing without it.
    };
    std::string_view name;
    Count count = Count::kOptional;
    std::string_view description;
    Completes completes = Completes::kNothing;
};

/// What was given for a verb, checked against its row.
class Arguments final {
 public:
    void add(std::string_view name, std::string value) {
        values_[std::string(name)].push_back(std::move(value));
    }
    /// Of an option or a positional: was it given?
    bool has(std::string_view name) const { return values_.contains(name); }
    /// The last value given; empty when none was.
    std::string value(std::string_view name) const;
    std::vector<std::string> values(std::string_view name) const;

 private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
    /// Returns the exit status. An error is printed and ends with 1.
    using Run = async::Task<Result<int>> (*)(Context& context, Arguments arguments);

    std::string_view name;
    std::string_view aliases;      ///< Comma-separated.
    std::string_view group;        ///< Heading in the help.
    std::string_view summary;      ///< One line without a full stop.
    std::string_view description;  ///< Sentences.
    std::span<const Option> options;
    std::span<const Positional> positionals;
    std::span<const std::string_view> examples;
    Run run = nullptr;  ///< Null: a role of the program that shore/ starts before the command line
                        ///< is read.
};

/// Every verb, in the order of the help.
std::span<const Command> commands();
/// By name or alias; nullptr when there is none.
const Command* find_command(std::string_view name);
/// Options of every verb: --state, --json, …
std::span<const Option> global_options();

}  // namespace shore::cli

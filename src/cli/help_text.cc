#include "cli/help.h"
#include "cli/width.h"

namespace shore::cli {
namespace {

constexpr size_t kColumns = 80;

/// `text` in lines of at most kColumns, each behind `indent` spaces and ended.
std::string wrapped(std::string_view text, size_t indent) {
    std::string result;
    std::string line;
    const auto flush = [&] {
        result += std::string(indent, ' ') + line + "\n";
        line.clear();
    };
    while (!text.empty()) {
        const size_t end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (!line.empty() && indent + display_width(line) + 1 + display_width(word) > kColumns) {
            flush();
        }
        line += line.empty() ? "" : " ";
        line += word;
    }
    if (!line.empty()) {
        flush();
    }
    return result;
}

/// "  left      right", the right side wrapped under itself.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
    size_t width = 0;
    for (const auto& [left, right] : rows) {
        width = std::max(width, display_width(left));
    }
    width = std::min<size_t>(width, 26);
    std::string text;
    for (const auto& [left, right] : rows) {
        std::string body = wrapped(right, width + 4);
        if (display_width(left) > width) {
            text += fmt::format("  {}\n{}", left, body);
        } else {
            body.replace(0, width + 4,
                         "  " + left + std::string(width - display_width(left) + 2, ' '));
            text += body;
        }
    }
    return text;
}

std::vector<std::pair<std::string, std::string>> option_rows(std::span<const Option> options) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Option& option : options) {
        std::string text(option.description);
        if (option.repeatable) {
            text += " (repeatable)";
        }
        rows.emplace_back(option_text(option), std::move(text));
    }
    return rows;
}

}  // namespace

std::string option_text(const Option& option) {
    std::string text = option.letter == 0 ? "    " : fmt::format("-{}, ", option.letter);
    text += fmt::format("--{}", option.name);
    if (!option.value.empty()) {
        text += fmt::format(" {}", option.value);
    }
    return text;
}

std::string usage_line(const Command& command) {
    std::string line = fmt::format("shore {} [options]", command.name);
    for (const Positional& row : command.positionals) {
        switch (row.count) {
            case Positional::Count::kOne:
                line += fmt::format(" {}", row.name);
                break;
            case Positional::Count::kOptional:
                line += fmt::format(" [{}]", row.name);
                break;
            case Positional::Count::kAny:
                line += fmt::format(" [{}...]", row.name);
                break;
            case Positional::Count::kAtLeastOne:
                line += fmt::format(" {}...", row.name);
                break;
            case Positional::Count::kRest:
                line += fmt::format(" -- {}...", row.name);
                break;
            case Positional::Count::kBehind:
                line += fmt::format(" [-- {}...]", row.name);
                break;
        }
    }
    return line;
}

std::string overview_text() {
    std::string text =
        "shore: web apps from a Compose file, without a container engine\n\n"
        "Usage: shore VERB [options]\n";
    std::vector<std::string_view> groups;
    for (const Command& command : commands()) {
        if (std::ranges::find(groups, command.group) == groups.end()) {
            groups.push_back(command.group);
        }
    }
    for (const std::string_view group : groups) {
        text += fmt::format("\n{}\n", group);
        std::vector<std::pair<std::string, std::string>> rows;
        for (const Command& command : commands()) {
            if (command.group == group) {
                rows.emplace_back(fmt::format("{:<10}", command.name), command.summary);
            }
        }
        text += two_columns(rows);
    }
    text += "\nOptions of every verb\n" + two_columns(option_rows(global_options()));
    return text + "\n`shore help VERB` explains one. Status: 0 done, 1 failed, 2 wrong usage.\n";
}

std::string help_text(const Command& command) {
    std::string text = fmt::format("Usage: {}\n\n{}", usage_line(command),
                                   wrapped(fmt::format("{}.", command.summary), 0));
    if (!command.description.empty()) {
        text += "\n" + wrapped(command.description, 0);
    }
    if (!command.aliases.empty()) {
        text += fmt::format("\nAlso: {}\n", command.aliases);
    }
    if (!command.positionals.empty()) {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const Positional& row : command.positionals) {
            rows.emplace_back(row.name, row.description);
        }
        text += "\nArguments\n" + two_columns(rows);
    }
    if (!command.options.empty()) {
        text += "\nOptions\n" + two_columns(option_rows(command.options));
    }
    text += "\nOptions of every verb\n" + two_columns(option_rows(global_options()));
    if (!command.examples.empty()) {
        text += "\nExamples\n";
        for (const std::string_view example : command.examples) {
            text += fmt::format("  {}\n", example);
        }
    }
    return text;
}

}  // namespace shore::cli

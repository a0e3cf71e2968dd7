// The manual page and the reference page, from the command table.
#include "base/strings.h"
#include "cli/help.h"

namespace shore::cli {
namespace {

/// Text for roff (groff_char(7)): backslashes and minus signs as themselves, no line that looks
/// like a request.
std::string roff(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else if (c == '\'') {
            result += "\\(aq";
        } else if (c == '`') {
            result += "\\(ga";
        } else {
            result += c;
        }
    }
    return result.starts_with('.') ? "\\&" + result : result;
}

void add_options(std::string& page, std::span<const Option> options) {
    for (const Option& option : options) {
        page += fmt::format(".TP\n.B {}\n{}.\n", roff(base::trim(option_text(option))),
                            roff(option.description));
    }
}

void add_command(std::string& page, const Command& command) {
    page +=
        fmt::format(".SS {}\n.B {}\n.PP\n{}.\n{}\n", roff(command.name), roff(usage_line(command)),
                    roff(command.summary), roff(command.description));
    for (const Positional& row : command.positionals) {
        page += fmt::format(".TP\n.I {}\n{}.\n", roff(row.name), roff(row.description));
    }
    add_options(page, command.options);
    if (!command.examples.empty()) {
        page += ".PP\n.nf\n";
        for (const std::string_view example : command.examples) {
            page += fmt::format("    {}\n", roff(example));
        }
        page += ".fi\n";
    }
}

std::string markdown_option(const Option& option) {
    return fmt::format("| `{}` | {}{} |\n", base::trim(option_text(option)), option.description,
                       option.repeatable ? " (repeatable)" : "");
}

}  // namespace

std::string manual_page(std::string_view version) {
    std::string page = fmt::format(
        ".TH SHORE 1 \"\" \"shore {}\" \"User Commands\"\n"
        ".SH NAME\nshore \\- web apps from a Compose file, without a container engine\n"
        ".SH SYNOPSIS\n.B shore\n.I VERB\n.RI [ options ]\n"
        ".SH DESCRIPTION\n"
        "Runs the services of a Compose file as supervised processes behind its own gateway, on "
        "one "
        "machine,\nwith releases, rollback and rolling updates that close no connection.\n"
        ".SH VERBS\n",
        roff(version));
    for (const Command& command : commands()) {
        add_command(page, command);
    }
    page += ".SH OPTIONS OF EVERY VERB\n";
    add_options(page, global_options());
    page +=
        ".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nFailed; the reason is on standard error.\n"
        ".TP\n.B 2\nWrong usage.\n.PP\n.B shore exec\nends with the status of its command.\n"
        ".SH ENVIRONMENT\n.TP\n.B SHORE_STATE\nState directory.\n"
        ".TP\n.B NO_COLOR\nNo colours when set to anything.\n"
        ".TP\n.B COMPOSE_FILE, COMPOSE_PROFILES, COMPOSE_PROJECT_NAME\nAs in Docker Compose.\n"
        ".SH FILES\n.TP\n.I shore.yaml, compose.yaml, compose.yml, docker\\-compose.yml\n"
        "The manifest: the first one found here or in a directory above.\n"
        ".TP\n.I .env\nVariables of the manifest.\n"
        ".TP\n.I STATE/run/api.sock\nThe control API.\n"
        ".TP\n.I STATE/logs/_shore/daemon.log\nThe daemon\\(aqs own log.\n";
    return page;
}

std::string cli_reference_page() {
    std::string page =
        "# The command line\n\n"
        "<!-- Generated from the command table (src/cli/commands.cc); a test checks it. -->\n\n"
        "Data goes to stdout, everything else to stderr. Status: 0 done, 1 failed, 2 wrong usage; "
        "`exec`\n"
        "ends with the status of its command.\n\n## Options of every verb\n\n"
        "| option | meaning |\n|---|---|\n";
    for (const Option& option : global_options()) {
        page += markdown_option(option);
    }
    for (const Command& command : commands()) {
        page += fmt::format("\n## {}\n\n{}.\n\n```\n{}\n```\n\n{}\n", command.name, command.summary,
                            usage_line(command), command.description);
        if (!command.aliases.empty()) {
            page += fmt::format("\nAlso: `{}`.\n", command.aliases);
        }
        if (!command.options.empty() || !command.positionals.empty()) {
            page += "\n| option or argument | meaning |\n|---|---|\n";
            for (const Positional& row : command.positionals) {
                page += fmt::format("| `{}` | {} |\n", row.name, row.description);
            }
            for (const Option& option : command.options) {
                page += markdown_option(option);
            }
        }
        if (!command.examples.empty()) {
            page += "\n```sh\n";
            for (const std::string_view example : command.examples) {
                page += fmt::format("{}\n", example);
            }
            page += "```\n";
        }
    }
    return page;
}

}  // namespace shore::cli

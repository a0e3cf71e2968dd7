#include "config/reference.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "config/options.h"

namespace shore::config {

namespace {

std::string cell(std::string_view text) {
    return base::replace_all(std::string(text), "|", "\\|");
}

std::string code(std::string_view text) {
    return text.empty() ? "" : fmt::format("`{}`", cell(text));
}

/// What a reader must know beyond the sentence: bounds, default, runtime, restart.
std::string remarks(const Option& option) {
    std::vector<std::string> parts;
    if (!option.bounds.empty()) {
        parts.push_back(base::replace_all(cell(option.bounds), "\\|", ", "));
    }
    switch (option.acts) {
        case Acts::kContainer:
            parts.emplace_back("container engine only");
            break;
        case Acts::kIgnored:
            parts.emplace_back("ignored");
            break;
        case Acts::kLater:
        case Acts::kLaterNeeded:
            parts.emplace_back("not available in this version");
            break;
        case Acts::kYes:
            break;
    }
    if (!option.restart.empty() && option.acts == Acts::kYes) {
        parts.emplace_back("a change replaces instances");
    }
    return base::join(parts, "; ");
}

std::string row(const Option& option) {
    return fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", cell(option.path),
                       name_of(option.type), cell(option.default_text), code(option.example),
                       cell(option.sentence), remarks(option));
}

void section(std::string& page, std::string_view title, std::string_view prose,
             std::span<const Option> options) {
    page += fmt::format("\n## {}\n{}\n\n", title, prose);
    page +=
        "| key | type | default | example | what it does | remarks |\n|---|---|---|---|---|---|\n";
    for (const Option& option : options) {
        if (!option.sentence.empty()) {
            page += row(option);
        }
    }
}

}  // namespace

std::string reference_page() {
    std::string page =
        "# Manifest reference\n\n"
        "<!-- Written from the option table in src/config/options_*.cc; a test compares it. -->\n\n"
        "Every key that Shore knows. `*` stands for a name you choose, `[]` for an item of a list. "
        "Keys that begin "
        "with `x-` are yours, but for `x-shore`. Any other key is an error that names the nearest "
        "one. How files, "
        "variables and environments work: [the manifest](../operating/manifest.md).\n\n"
        "\"container engine only\": on a host process a note says that the key does nothing there. "
        "Durations are "
        "written `1m30s`, `500ms`; sizes `512k`, `64mb`, `1GiB`, all powers of 1024.\n";
    section(page, "x-shore", "Shore's own settings, of a service and of the stack.",
            shore_options());
    section(page, "Services", "Keys of the Compose specification, of one service.",
            service_options());
    section(page, "deploy", "How many instances run and how they are replaced.", deploy_options());
    section(page, "Top level", "The parts of a manifest.", top_options());
    return page;
}

}  // namespace shore::config

#include "engines/samples.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace shore::engines {

void add_samples(std::map<std::string, std::string>& families, std::string_view text,
                 std::string_view labels) {
    std::string family;
    bool is_known = false;
    for (const std::string_view line : base::split(text, '\n')) {
        if (line.empty()) {
            continue;
        }
        if (line.starts_with("# ")) {
            // "# HELP name sentence", then "# TYPE name kind": of the first agent that has it.
            const auto words = base::split(line, ' ');
            if (words.size() < 4) {
                continue;
            }
            if (words[2] != family) {
                family = words[2];
                is_known = families.contains(family);
            }
            if (!is_known) {
                families[family] += fmt::format("{}\n", line);
            }
            continue;
        }
        const size_t end = line.find_first_of("{ ");
        if (family.empty() || end == std::string_view::npos) {
            continue;
        }
        const std::string_view name = line.substr(0, end);
        const std::string_view rest = line.substr(end);
        families[family] +=
            rest.starts_with("{}")  ? fmt::format("{}{{{}}}{}\n", name, labels, rest.substr(2))
            : rest.starts_with('{') ? fmt::format("{}{{{},{}\n", name, labels, rest.substr(1))
                                    : fmt::format("{}{{{}}}{}\n", name, labels, rest);
    }
}

}  // namespace shore::engines

#include "base/strings.h"
#include "cli/command.h"
#include "cli/completion.h"

namespace shore::cli {
namespace {

std::vector<Option> options_of(const Command& command) {
    std::vector<Option> options(command.options.begin(), command.options.end());
    options.insert(options.end(), global_options().begin(), global_options().end());
    return options;
}

std::string flags_of(const Command& command) {
    std::string text = "--help";
    for (const Option& option : options_of(command)) {
        text += fmt::format(" --{}", option.name);
        if (option.letter != 0) {
            text += fmt::format(" -{}", option.letter);
        }
    }
    return text;
}

std::string verbs() {
    std::string text;
    for (const Command& command : commands()) {
        text += fmt::format("{}{}", text.empty() ? "" : " ", command.name);
    }
    return text;
}

/// "up|deploy" pattern of a verb and its aliases.
std::string pattern_of(const Command& command) {
    std::string pattern(command.name);
    for (const std::string_view alias : base::split(command.aliases, ',')) {
        pattern += alias.empty() ? "" : fmt::format("|{}", alias);
    }
    return pattern;
}

Completes positional_of(const Command& command) {
    return command.positionals.empty() ? Completes::kNothing
                                       : command.positionals.front().completes;
}

std::string bash_words(Completes completes) {
    switch (completes) {
        case Completes::kNothing:
            return "";
        case Completes::kFile:
            return "COMPREPLY=($(compgen -f -- \"$cur\"))";
        case Completes::kDirectory:
            return "COMPREPLY=($(compgen -d -- \"$cur\"))";
        case Completes::kService:
            return "COMPREPLY=($(compgen -W \"$(shore config --services 2>/dev/null)\" -- "
                   "\"$cur\"))";
        case Completes::kStack:
            return "COMPREPLY=($(compgen -W \"$(_shore_stacks)\" -- \"$cur\"))";
        case Completes::kVerb:
            return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", verbs());
        case Completes::kShell:
            return "COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$cur\"))";
    }
    return "";
}

std::string bash_script() {
    std::string script =
        "# bash completion of shore; load it with: source <(shore completion bash)\n"
        "_shore_stacks() { shore ls 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n"
        "_shore() {\n"
        "    local cur prev verb i\n"
        "    COMPREPLY=()\n"
        "    cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
        "    prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
        "    verb=\"\"\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case \"${COMP_WORDS[i]}\" in\n"
        "            --state) ((i++)) ;;\n"
        "            -*) ;;\n"
        "            *) verb=\"${COMP_WORDS[i]}\"; break ;;\n"
        "        esac\n"
        "    done\n"
        "    if [[ -z \"$verb\" && \"$prev\" == --state ]]; then\n"
        "        COMPREPLY=($(compgen -d -- \"$cur\"))\n"
        "        return\n"
        "    fi\n"
        "    case \"$verb\" in\n";
    script += fmt::format(
        "        \"\") COMPREPLY=($(compgen -W \"{} --help --version --state\" -- \"$cur\")) ;;\n",
        verbs());
    for (const Command& command : commands()) {
        script += fmt::format("        {})\n            case \"$prev\" in\n", pattern_of(command));
        for (const Option& option : options_of(command)) {
            if (option.value.empty()) {
                continue;
            }
            const std::string letter = option.letter == 0 ? "" : fmt::format("|-{}", option.letter);
            script +=
                fmt::format("                --{}{}) {}; return ;;\n", option.name, letter,
                            option.completes == Completes::kNothing ? "COMPREPLY=()"
                                                                    : bash_words(option.completes));
        }
        script += "            esac\n            if [[ \"$cur\" == -* ]]; then\n";
        script += fmt::format("                COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n",
                              flags_of(command));
        const std::string words = bash_words(positional_of(command));
        if (!words.empty()) {
            script += fmt::format("            else\n                {}\n", words);
        }
        script += "            fi ;;\n";
    }
    return script + "    esac\n}\ncomplete -F _shore shore\n";
}

/// For single-quoted words of zsh's _arguments and fish: quotes, colons and brackets must not end
/// the text.
std::string quoted(std::string_view text, std::string_view escaped) {
    std::string result;
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
            continue;
        }
        if (escaped.find(c) != escaped.npos) {
            result += '\\';
        }
        result += c;
    }
    return result;
}

std::string_view zsh_action(Completes completes) {
    switch (completes) {
        case Completes::kNothing:
            return " ";
        case Completes::kFile:
            return "_files";
        case Completes::kDirectory:
            return "_files -/";
        case Completes::kService:
            return "_shore_services";
        case Completes::kStack:
            return "_shore_stacks";
        case Completes::kVerb:
            return "_shore_verbs";
        case Completes::kShell:
            return "(bash zsh fish)";
    }
    return " ";
}

std::string zsh_option(const Option& option) {
    const std::string description = quoted(option.description, "[]:");
    const std::string value =
        option.value.empty() ? ""
                             : fmt::format(":{}:{}", option.value, zsh_action(option.completes));
    const std::string_view star = option.repeatable ? "*" : "";
    std::string text;
    if (option.letter != 0) {
        text += fmt::format(" \\\n                '{}-{}[{}]{}'", star, option.letter, description,
                            value);
    }
    return text + fmt::format(" \\\n                '{}--{}[{}]{}'", star, option.name, description,
                              value);
}

std::string zsh_script() {
    std::string script =
        "#compdef shore\n"
        "# zsh completion of shore; put it as _shore into a directory of $fpath\n"
        "_shore_services() { local -a names; names=(${(f)\"$(shore config --services "
        "2>/dev/null)\"}); compadd -a names }\n"
        "_shore_stacks() { local -a names; names=(${(f)\"$(shore ls 2>/dev/null | awk 'NR > 1 { "
        "print $1 }')\"}); compadd -a names }\n"
        "_shore_verbs() {\n    local -a verbs\n    verbs=(\n";
    for (const Command& command : commands()) {
        script += fmt::format("        '{}:{}'\n", command.name, quoted(command.summary, ":"));
    }
    script +=
        "    )\n    _describe verb verbs\n}\n"
        "_shore() {\n"
        "    local context state line\n"
        "    _arguments -C '1:verb:_shore_verbs' '*::argument:->argument'\n"
        "    [[ $state == argument ]] || return\n"
        "    case $line[1] in\n";
    for (const Command& command : commands()) {
        script += fmt::format("        {})\n            _arguments", pattern_of(command));
        for (const Option& option : options_of(command)) {
            script += zsh_option(option);
        }
        if (const Completes completes = positional_of(command); completes != Completes::kNothing) {
            script +=
                fmt::format(" \\\n                '*:{}:{}'",
                            quoted(command.positionals.front().name, ":"), zsh_action(completes));
        }
        script += " ;;\n";
    }
    return script + "    esac\n}\n_shore \"$@\"\n";
}

std::string_view fish_words(Completes completes) {
    switch (completes) {
        case Completes::kNothing:
        case Completes::kFile:
            return "";
        case Completes::kDirectory:
            return "(__fish_complete_directories)";
        case Completes::kService:
            return "(shore config --services 2>/dev/null)";
        case Completes::kStack:
            return "(shore ls 2>/dev/null | awk \"NR > 1 { print \\$1 }\")";
        case Completes::kVerb:
            return "";
        case Completes::kShell:
            return "bash zsh fish";
    }
    return "";
}

std::string fish_option(std::string_view condition, const Option& option) {
    std::string line = fmt::format("complete -c shore -n '{}' -l {}", condition, option.name);
    if (option.letter != 0) {
        line += fmt::format(" -s {}", option.letter);
    }
    if (!option.value.empty()) {
        const bool takes_files = option.completes == Completes::kFile;
        line += takes_files ? " -r -F" : " -x";
        if (const auto words = fish_words(option.completes); !words.empty()) {
            line += fmt::format(" -a '{}'", words);
        }
    }
    return line + fmt::format(" -d '{}'\n",
                              base::replace_all(std::string(option.description), "'", "\\'"));
}

std::string fish_script() {
    std::string script =
        "# fish completion of shore; load it with: shore completion fish | source\n"
        "complete -c shore -f\n";
    for (const Command& command : commands()) {
        script +=
            fmt::format("complete -c shore -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                        base::replace_all(std::string(command.summary), "'", "\\'"));
        const std::string condition = fmt::format("__fish_seen_subcommand_from {}",
                                                  base::replace_all(pattern_of(command), "|", " "));
        for (const Option& option : options_of(command)) {
            script += fish_option(condition, option);
        }
        const Completes completes = positional_of(command);
        const std::string words =
            completes == Completes::kVerb ? verbs() : std::string(fish_words(completes));
        if (!words.empty()) {
            script += fmt::format("complete -c shore -n '{}' -a '{}'\n", condition, words);
        }
    }
    return script;
}

}  // namespace

std::optional<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") {
        return bash_script();
    }
    if (shell == "zsh") {
        return zsh_script();
    }
    if (shell == "fish") {
        return fish_script();
    }
    return std::nullopt;
}

}  // namespace shore::cli

#include "cli/parse.h"

#include <CLI/CLI.hpp>

#include "base/strings.h"

namespace shore::cli {
namespace {

using Words = std::vector<std::string>;
using Count = Positional::Count;

const Option* find_global(std::string_view word) {
    const std::string_view name = word.substr(0, word.find('='));
    for (const Option& option : global_options()) {
        if (name == fmt::format("--{}", option.name) ||
            (option.letter != 0 && name == fmt::format("-{}", option.letter))) {
            return &option;
        }
    }
    return nullptr;
}

/// Where the verb stands: the first word that is neither a global option nor its value.
size_t find_verb(const Words& words) {
    size_t i = 0;
    while (i < words.size() && words[i].starts_with('-') && words[i].size() > 1) {
        const Option* option = find_global(words[i]);
        const bool takes_next =
            option != nullptr && !option->value.empty() && words[i].find('=') == std::string::npos;
        i += takes_next ? 2 : 1;
    }
    return std::min(i, words.size());
}

std::vector<std::string> verb_names() {
    std::vector<std::string> names;
    for (const Command& command : commands()) {
        names.emplace_back(command.name);
        for (const std::string_view alias : base::split(command.aliases, ',')) {
            if (!alias.empty()) {
                names.emplace_back(alias);
            }
        }
    }
    return names;
}

std::vector<std::string> option_names(const Command& command) {
    std::vector<std::string> names{"--help"};
    for (const auto options : {command.options, global_options()}) {
        for (const Option& option : options) {
            names.push_back(fmt::format("--{}", option.name));
        }
    }
    return names;
}

/// A verb's words, parsed by CLI11 and handed over as Arguments.
class VerbParser final {
 public:
    explicit VerbParser(const Command& command) : command_(command) {
        app_.set_help_flag();
        app_.allow_extras();
        app_.add_flag("-h,--help", help_);
        for (const auto options : {command.options, global_options()}) {
            for (const Option& option : options) {
                add(option);
            }
        }
    }

    std::expected<Parsed, std::string> run(Words words) {
        Words rest = take_rest(words);
        std::ranges::reverse(words);  // CLI11 takes them from the back.
        try {
            app_.parse(std::move(words));
        } catch (const CLI::ParseError& error) {
            return std::unexpected(fmt::format("{}: {}", command_.name, error.what()));
        }
        if (help_) {
            Parsed help{find_command("help"), {}};
            help.arguments.add("VERB", std::string(command_.name));
            return help;
        }
        return collect(std::move(rest));
    }

 private:
    struct Given {
        const Option* option;
        Words values;
        size_t flags = 0;
    };

    void add(const Option& option) {
        std::string names = fmt::format("--{}", option.name);
        if (option.letter != 0) {
            names += fmt::format(",-{}", option.letter);
        }
        Given& given = given_.emplace_back(Given{&option, {}, 0});
        if (option.value.empty()) {
            app_.add_flag(names, given.flags);
            return;
        }
        app_.add_option(names, given.values)
            ->type_size(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    /// Cuts off what belongs to a kRest positional: all behind "--", else all behind the first free
    /// word; to a kBehind one: all behind "--".
    Words take_rest(Words& words) const {
        const Count last =
            command_.positionals.empty() ? Count::kOne : command_.positionals.back().count;
        const auto dashes = std::ranges::find(words, "--");
        const bool has_dashes = dashes != words.end();
        if (last != Count::kRest && !(last == Count::kBehind && has_dashes)) {
            return {};
        }
        const auto cut = has_dashes ? dashes : first_free_word(words);
        Words rest(cut == words.end() ? cut : cut + 1, words.end());
        words.erase(has_dashes || cut == words.end() ? cut : cut + 1, words.end());
        return rest;
    }

    /// The first word that is neither an option nor an option's value.
    Words::iterator first_free_word(Words& words) const {
        auto word = words.begin();
        while (word != words.end() && word->starts_with('-')) {
            const bool takes_next = std::ranges::any_of(given_, [&](const Given& given) {
                const Option& option = *given.option;
                return !option.value.empty() &&
                       (*word == fmt::format("--{}", option.name) ||
                        (option.letter != 0 && *word == fmt::format("-{}", option.letter)));
            });
            word += takes_next && word + 1 != words.end() ? 2 : 1;
        }
        return word;
    }

    std::expected<Parsed, std::string> collect(Words rest) {
        Parsed parsed{&command_, {}};
        for (Given& given : given_) {
            if (given.flags > 0) {
                parsed.arguments.add(given.option->name, "true");
            }
            if (given.values.size() > 1 && !given.option->repeatable) {
                return std::unexpected(
                    fmt::format("{}: --{} is given twice", command_.name, given.option->name));
            }
            for (std::string& value : given.values) {
                parsed.arguments.add(given.option->name, std::move(value));
            }
        }
        Words free;
        for (std::string& word : app_.remaining()) {
            if (word.starts_with('-') && word.size() > 1 && word != "--") {
                return std::unexpected(unknown_option(word));
            }
            if (word != "--") {
                free.push_back(std::move(word));
            }
        }
        if (auto why = place(std::move(free), std::move(rest), parsed.arguments); !why.empty()) {
            return std::unexpected(std::move(why));
        }
        return parsed;
    }

    std::string unknown_option(const std::string& word) const {
        const std::string name = word.substr(0, word.find('='));
        return fmt::format("{} has no option {}{}", command_.name, base::printable(name),
                           base::did_you_mean(name, option_names(command_)));
    }

    /// Gives the free words to the positionals in order. Returns what is wrong, or nothing.
    std::string place(Words free, Words rest, Arguments& arguments) const {
        size_t next = 0;
        for (const Positional& row : command_.positionals) {
            const bool many = row.count == Count::kAny || row.count == Count::kAtLeastOne;
            const bool needed = row.count == Count::kOne || row.count == Count::kAtLeastOne;
            const bool takes_rest = row.count == Count::kRest || row.count == Count::kBehind;
            if (takes_rest) {
                for (std::string& word : rest) {
                    arguments.add(row.name, std::move(word));
                }
            }
            if (needed && next == free.size()) {
                return fmt::format("{} needs {}: {}", command_.name, row.name, row.description);
            }
            while (!takes_rest && next < free.size()) {
                arguments.add(row.name, std::move(free[next++]));
                if (!many) {
                    break;
                }
            }
        }
        if (next < free.size()) {
            return fmt::format("{} takes no argument \"{}\"", command_.name,
                               base::printable(free[next]));
        }
        return {};
    }

    const Command& command_;
    CLI::App app_;
    bool help_ = false;
    std::deque<Given> given_;  // Elements must not move: CLI11 writes to them.
};

}  // namespace

std::expected<Parsed, std::string> parse(const std::vector<std::string>& words) {
    const size_t at = find_verb(words);
    Words rest(words.begin(), words.begin() + static_cast<ptrdiff_t>(at));
    std::string verb;
    if (at < words.size()) {
        verb = words[at];
        rest.insert(rest.end(), words.begin() + static_cast<ptrdiff_t>(at) + 1, words.end());
    } else if (std::erase(rest, "--version") + std::erase(rest, "-V") > 0) {
        verb = "version";
    } else {
        std::erase(rest, "--help");
        std::erase(rest, "-h");
        verb = "help";
    }
    const Command* command = find_command(verb);
    if (command == nullptr) {
        return std::unexpected(fmt::format("there is no verb \"{}\"{}", base::printable(verb),
                                           base::did_you_mean(verb, verb_names())));
    }
    return VerbParser(*command).run(std::move(rest));
}

std::string state_option(const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (words[i] == "--state" && i + 1 < words.size()) {
            return words[i + 1];
        }
        if (words[i].starts_with("--state=")) {
            return words[i].substr(std::string_view("--state=").size());
        }
    }
    return {};
}

}  // namespace shore::cli

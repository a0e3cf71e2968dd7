#include "cli/command.h"

#include "base/strings.h"

namespace shore::cli {

std::string Arguments::value(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>() : found->second;
}

const Command* find_command(std::string_view name) {
    for (const Command& command : commands()) {
        if (command.name == name) {
            return &command;
        }
        for (const std::string_view alias : base::split(command.aliases, ',')) {
            if (!alias.empty() && alias == name) {
                return &command;
            }
        }
    }
    return nullptr;
}

}  // namespace shore::cli

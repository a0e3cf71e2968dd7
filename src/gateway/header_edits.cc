#include "gateway/header_edits.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "gateway/limits.h"

namespace shore::gateway {

namespace {

/// Fields by which caches keep an answer (RFC 9111, RFC 9110 section 8.8).
bool keeps_answers(std::string_view name) {
    return std::ranges::any_of(
        std::array<std::string_view, 5>{"cache-control", "expires", "etag", "last-modified",
                                        "cdn-cache-control"},
        [name](std::string_view each) { return base::equals_ignoring_case(each, name); });
}

}  // namespace

CompiledEdits::CompiledEdits(const model::HeaderEdits& from) : dropped_(from.remove) {
    const auto append = [this](const model::HeaderEdits::Field& field) {
        if (lines_.size() + field.name.size() + field.value.size() + 4 > kEditBytesMax) {
            return;
        }
        lines_ += field.name;
        lines_ += ": ";
        lines_ += field.value;
        lines_ += "\r\n";
    };
    for (const model::HeaderEdits::Field& field : from.set) {
        if (base::equals_ignoring_case(field.name, "host")) {
            host_ = field.value.substr(0, kEditBytesMax);
            continue;
        }
        dropped_.push_back(field.name);
        append(field);
    }
    std::ranges::for_each(from.add, append);
}

bool CompiledEdits::drops(std::string_view name) const {
    return std::ranges::any_of(dropped_, [name](const std::string& dropped) {
        return base::equals_ignoring_case(dropped, name);
    });
}

std::string CompiledEdits::edited(std::string_view lines, Answer answer) const {
    std::string result;
    const auto name_of = [](std::string_view line) { return line.substr(0, line.find(':')); };
    const auto next_line = [](std::string_view& rest) {
        const std::string_view line = rest.substr(0, rest.find('\n') + 1);
        rest.remove_prefix(line.empty() ? rest.size() : line.size());
        return line;
    };
    while (!lines.empty()) {
        const std::string_view line = next_line(lines);
        if (!drops(name_of(line)) || (answer == Answer::kError && keeps_answers(name_of(line)))) {
            result += line;
        }
    }
    for (std::string_view rest = lines_; !rest.empty();) {
        const std::string_view line = next_line(rest);
        if (answer == Answer::kGood || !keeps_answers(name_of(line))) {
            result += line;
        }
    }
    return result;
}

}  // namespace shore::gateway

#include "gateway/pattern.h"

#include <algorithm>
#include <vector>

#include <re2/re2.h>

#include "gateway/limits.h"

namespace shore::gateway {

namespace {

RE2::Options quiet() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternBytesMax);
    return options;
}

}  // namespace

struct Pattern::Program {
    explicit Program(std::string_view text)
        : expression(re2::StringPiece(text.data(), text.size()), quiet()) {}
    RE2 expression;
};

Pattern::Pattern(std::string_view text) : program_(std::make_unique<Program>(text)) {
}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::matches(std::string_view text) const {
    return program_->expression.ok() &&
           program_->expression.Match({text.data(), text.size()}, 0, text.size(), RE2::ANCHOR_BOTH,
                                      nullptr, 0);
}

bool Pattern::match_groups(std::string_view text, Groups& groups) const {
    const RE2& expression = program_->expression;
    std::array<re2::StringPiece, std::tuple_size_v<Groups>> found;
    if (!expression.ok()) {
        return false;
    }
    const int wanted =
        std::min(expression.NumberOfCapturingGroups() + 1, static_cast<int>(found.size()));
    if (!expression.Match({text.data(), text.size()}, 0, text.size(), RE2::ANCHOR_BOTH,
                          found.data(), wanted)) {
        return false;
    }
    std::ranges::transform(found, groups.begin(), [](const re2::StringPiece& piece) {
        return std::string_view(piece.data(), piece.size());
    });
    return true;
}

}  // namespace shore::gateway

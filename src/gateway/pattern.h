// Pattern: a regular expression of a route. Linear in the length of the text, whatever the pattern
// (RE2), so that no client can make it slow.
#pragma once

#include <array>
#include <memory>
#include <string_view>

namespace shore::gateway {

/// What a pattern's groups matched; [0] is the whole text.
using Groups = std::array<std::string_view, 10>;

class Pattern final {
 public:
    /// One that does not compile matches nothing; config refuses such manifests.
    explicit Pattern(std::string_view text);
    Pattern(Pattern&&) noexcept;
    ~Pattern();

    /// Whether the whole of `text` matches.
    bool matches(std::string_view text) const;
    /// As matches(), and tells the groups: views of `text`.
    bool match_groups(std::string_view text, Groups& groups) const;

 private:
    struct Program;
    std::unique_ptr<Program> program_;
};

}  // namespace shore::gateway

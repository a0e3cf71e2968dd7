// TextTemplate: "https://{host}{path}{query}" with its blanks, for redirects and rewrites.
//
// {host}   as the client named it, with its port
// {path}   the path, safe to send on: as it came when it is plain, else normalised and encoded
// {rest}   what follows the route's prefix in it; begins with '/' or is empty
// {query}  with its '?', or nothing
// {1}..{9} groups of the route's path_regex, encoded
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace shore::gateway {

class TextTemplate final {
 public:
    struct Values {
        std::string_view host;
        std::string_view path;
        std::string_view rest;
        std::string_view query;
        std::array<std::string, 10> groups;
    };

    explicit TextTemplate(std::string_view text);

    std::string fill(const Values& values) const;
    /// Asks for groups of the pattern.
    bool has_groups() const { return has_groups_; }
    bool empty() const { return pieces_.empty(); }

 private:
    enum class Blank : uint8_t { kNone, kHost, kPath, kRest, kQuery, kGroup };
    struct Piece {
        std::string text;  ///< Before the blank.
        Blank blank = Blank::kNone;
        size_t group = 0;
    };
    static Piece blank_of(std::string_view name);

    std::vector<Piece> pieces_;
    bool has_groups_ = false;
};

}  // namespace shore::gateway

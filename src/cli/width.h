// How many columns of a terminal a text takes, so that tables stay aligned with names in any
// script.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shore::cli {

/// Columns of UTF-8 `text`: 2 for East Asian wide and emoji (UAX 11), 0 for combining marks and
/// escape sequences of colours, 1 for the rest. Broken bytes count 1.
size_t display_width(std::string_view text);

/// `text` cut to at most `columns`, ended by "…" when cut.
std::string fitted(std::string_view text, size_t columns);

}  // namespace shore::cli

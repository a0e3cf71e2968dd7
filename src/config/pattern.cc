#include "config/pattern.h"

#include <re2/re2.h>

namespace shore::config {

std::optional<std::string> pattern_fault(std::string_view pattern) {
    const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
    return compiled.ok() ? std::nullopt : std::optional(compiled.error());
}

bool may_begin_with_slash(std::string_view pattern) {
    const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
    std::string first;
    std::string last;
    constexpr int kBytesCompared = 4;
    if (!compiled.ok() || !compiled.PossibleMatchRange(&first, &last, kBytesCompared)) {
        return true;
    }
    return first < "0" && last >= "/";  // '0' follows '/'.
}

}  // namespace shore::config

#include "config/pattern.h"

#include <re2/re2.h>

namespace shore::config {

std::optional<std::string> pattern_fault(std::string_view pattern) {
    const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
    return compiled.ok() ? std::nullopt : std::optional(compiled.error());
}

}  // namespace shore::config

// Finding: something a person must be told about a manifest, with the place it stands at. As a
// Problem it forbids loading; as a Note it says what a key will not do here, or what was assumed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace shore::config {

struct Finding {
    std::string file;  ///< As the user wrote it; empty when it comes from the request (environment,
                       ///< arguments).
    uint32_t line = 0;    ///< From 1; 0: the file as a whole.
    uint32_t column = 0;  ///< From 1, in bytes.
    std::string path;     ///< "services.api.deploy.replicas"; empty: the whole document.
    std::string message;  ///< What is wrong, what was expected, "did you mean".
    friend auto operator<=>(const Finding&, const Finding&) = default;
};

using Problem = Finding;
using Note = Finding;
/// All errors of one run, in the order of files and lines.
using Problems = std::vector<Problem>;

/// "file:line:column: path: message", without the parts that are absent.
std::string to_text(const Finding& finding);
/// One finding a line, each line ended.
std::string to_text(const std::vector<Finding>& findings);
/// All problems as one kInvalid error, for callers that pass on a single Error.
Error to_error(const Problems& problems);

}  // namespace shore::config

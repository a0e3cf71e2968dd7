#include "config/finding.h"

#include <fmt/format.h>

namespace shore::config {

std::string to_text(const Finding& finding) {
    std::string text = finding.file;
    if (finding.line != 0) {
        text += fmt::format("{}{}:{}", text.empty() ? "" : ":", finding.line, finding.column);
    }
    for (const std::string& part : {finding.path, finding.message}) {
        if (!part.empty()) {
            text += (text.empty() ? "" : ": ") + part;
        }
    }
    return text;
}

std::string to_text(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text += to_text(finding) + "\n";
    }
    return text;
}

Error to_error(const Problems& problems) {
    std::string text = to_text(problems);
    if (!text.empty()) {
        text.pop_back();
    }
    return {ErrorCode::kInvalid, std::move(text)};
}

}  // namespace shore::config

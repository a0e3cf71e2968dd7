#include "cli/change_view.h"

namespace shore::cli {

std::string changes_text(const Output& output, const wire::Json& changes) {
    std::string text;
    for (const wire::Json& change : changes.items()) {
        const std::string_view kind = change["kind"].text();
        const Color color = kind == "added"     ? Color::kGreen
                            : kind == "removed" ? Color::kRed
                                                : Color::kYellow;
        text += output.paint(change["text"].text(), color) + "\n";
    }
    return text;
}

}  // namespace shore::cli

#include "cli/table.h"

#include "base/assert.h"
#include "cli/width.h"

namespace shore::cli {
namespace {

constexpr size_t kGap = 2;
/// The last column is not cut below this, whatever the terminal says.
constexpr size_t kLastColumnMin = 16;

}  // namespace

void Table::add(std::vector<std::string> cells) {
    SHORE_ASSERT(cells.size() == columns_.size());
    rows_.push_back(std::move(cells));
}

std::string Table::text(size_t columns_max) const {
    std::vector<size_t> widths;
    for (size_t i = 0; i < columns_.size(); ++i) {
        size_t width = display_width(columns_[i].title);
        for (const auto& row : rows_) {
            width = std::max(width, display_width(row[i]));
        }
        widths.push_back(width);
    }
    size_t before_last = 0;
    for (size_t i = 0; i + 1 < widths.size(); ++i) {
        before_last += widths[i] + kGap;
    }
    size_t last_max = SIZE_MAX;
    if (columns_max > 0) {
        last_max =
            std::max(kLastColumnMin, columns_max > before_last ? columns_max - before_last : 0);
    }
    std::string text;
    const auto add_line = [&](const auto& cell_of) {
        std::string line;
        for (size_t i = 0; i < columns_.size(); ++i) {
            const bool is_last = i + 1 == columns_.size();
            const std::string cell = is_last ? fitted(cell_of(i), last_max) : cell_of(i);
            const size_t used = display_width(cell);
            const std::string padding(widths[i] > used ? widths[i] - used : 0, ' ');
            line += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
            line += is_last ? "" : std::string(kGap, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add_line([&](size_t i) { return columns_[i].title; });
    for (const auto& row : rows_) {
        add_line([&](size_t i) { return row[i]; });
    }
    return text;
}

}  // namespace shore::cli

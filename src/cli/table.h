// Table: rows of cells aligned by the columns they take on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shore::cli {

class Table final {
 public:
    enum class Align : uint8_t { kLeft, kRight };
    struct Column {
        std::string title;
        Align align = Align::kLeft;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// As many cells as columns; a cell may hold colour sequences.
    void add(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }

    /// Title line and rows, each ended; no spaces at line ends. With `columns_max` above 0 the last
    /// column is cut to fit.
    std::string text(size_t columns_max = 0) const;

 private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace shore::cli

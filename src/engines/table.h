// Table: rows that people ask for, as JSON that the command line can print without knowing them:
// {"columns": [{"name": "state", "kind": "text"}, …], "rows": [["idle", 3], …], "notes": ["…"]}.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json.h"

namespace shore::engines {

/// What a column's values are: tells the command line how to align and write them.
enum class ColumnKind : uint8_t { kText, kNumber, kBytes, kSeconds };

struct Column {
    std::string_view name;
    ColumnKind kind = ColumnKind::kText;
};

class Table final {
 public:
    explicit Table(std::initializer_list<Column> columns);
    /// As many values as columns.
    void add(std::vector<wire::Json> row);
    /// A sentence below the rows: a hint, an explanation.
    void note(std::string text);
    wire::Json json() &&;

 private:
    size_t columns_count_;
    wire::Json columns_ = wire::Json::array();
    wire::Json rows_ = wire::Json::array();
    wire::Json notes_ = wire::Json::array();
};

}  // namespace shore::engines

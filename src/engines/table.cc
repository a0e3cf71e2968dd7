#include "engines/table.h"

#include "base/assert.h"

namespace shore::engines {

using wire::Json;

namespace {

std::string_view name_of(ColumnKind kind) {
    switch (kind) {
        case ColumnKind::kNumber:
            return "number";
        case ColumnKind::kBytes:
            return "bytes";
        case ColumnKind::kSeconds:
            return "seconds";
        case ColumnKind::kText:
            break;
    }
    return "text";
}

}  // namespace

Table::Table(std::initializer_list<Column> columns) : columns_count_(columns.size()) {
    for (const Column& column : columns) {
        columns_.push(Json::object().set("name", column.name).set("kind", name_of(column.kind)));
    }
}

void Table::add(std::vector<Json> row) {
    SHORE_ASSERT(row.size() == columns_count_);
    rows_.push(Json::array(std::move(row)));
}

void Table::note(std::string text) {
    notes_.push(std::move(text));
}

Json Table::json() && {
    return Json::object()
        .set("columns", std::move(columns_))
        .set("rows", std::move(rows_))
        .set("notes", std::move(notes_));
}

}  // namespace shore::engines

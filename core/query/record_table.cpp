#include "core/query/record_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

// What SQLite holds for the table; the first member is its own.
struct VirtualTable {
  sqlite3_vtab base;
  RecordTable* table;
};

RecordTable& table_of(sqlite3_vtab* vtab) { return *reinterpret_cast<VirtualTable*>(vtab)->table; }
RecordCursor& cursor_of(sqlite3_vtab_cursor* cursor) { return *reinterpret_cast<RecordCursor*>(cursor); }

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string declaration(const std::vector<RecordColumn>& columns) {
  std::string sql = "CREATE TABLE records(";
  for (std::size_t i = 0; i < columns.size(); ++i)
    sql += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted_name(columns[i].name), columns[i].type);
  return sql + ")";
}

int connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** out, char** message) {
  auto* table = static_cast<RecordTable*>(aux);
  int code = SQLITE_OK;
  const int guard = table->guarded([&] {
    code = sqlite3_declare_vtab(db, declaration(table->columns()).c_str());
    if (code != SQLITE_OK) {
      *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
      return;
    }
    *out = &(new VirtualTable{{}, table})->base;
  });
  return guard != SQLITE_OK ? guard : code;
}

int disconnect(sqlite3_vtab* vtab) {
  delete reinterpret_cast<VirtualTable*>(vtab);
  return SQLITE_OK;
}

// ---- which records a scan has to visit ----------------------------------------------------------

// Conditions on the record number narrow the scan; everything is still evaluated by SQLite, so a range
// that is too wide is not wrong. The plan's text has one letter for each value that filter() gets.
char letter_of(unsigned char op) {
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return '=';
    case SQLITE_INDEX_CONSTRAINT_GT: return '>';
    case SQLITE_INDEX_CONSTRAINT_GE: return ']';
    case SQLITE_INDEX_CONSTRAINT_LT: return '<';
    case SQLITE_INDEX_CONSTRAINT_LE: return '[';
    default: return 0;
  }
}

bool is_record_number(int column) { return column == static_cast<int>(ColumnId::record) || column == -1; }

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  return table_of(vtab).guarded([&] {
    std::string letters;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const char letter = letter_of(constraint.op);
      if (!constraint.usable || letter == 0 || !is_record_number(constraint.iColumn)) continue;
      letters += letter;
      info->aConstraintUsage[i].argvIndex = static_cast<int>(letters.size());
    }
    double rows = static_cast<double>(table_of(vtab).dataset().size()) + 1;
    if (letters.find('=') != std::string::npos) {
      rows = 1;
    } else if (!letters.empty()) {
      rows /= 4;
    }
    info->estimatedRows = static_cast<sqlite3_int64>(rows) + 1;
    info->estimatedCost = rows;
    // Not for GROUP BY and DISTINCT: they then end in a sorter, and current_row() sees that its row is gone.
    info->orderByConsumed = info->nOrderBy == 1 && !info->aOrderBy[0].desc &&
                            is_record_number(info->aOrderBy[0].iColumn) && sqlite3_vtab_distinct(info) == 0;
    if (letters.empty()) return;
    info->idxStr = sqlite3_mprintf("%s", letters.c_str());
    if (info->idxStr == nullptr) throw std::bad_alloc();
    info->needToFreeIdxStr = 1;
  });
}

// A range of records that only shrinks. Numbers beyond any dataset are clipped.
struct Range {
  std::uint64_t begin, end;

  void at_least(double v) {
    if (v >= static_cast<double>(end)) begin = end;
    else if (v > static_cast<double>(begin)) begin = static_cast<std::uint64_t>(v);
  }
  void at_most(double v) {
    if (v < 0) end = 0;
    else if (v < static_cast<double>(end)) end = std::min(end, static_cast<std::uint64_t>(v) + 1);
  }
};

void narrow(Range& range, char letter, sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL: range.end = 0; return;  // compares as true with nothing
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: break;
    default: return;  // SQLite orders texts and numbers, too: let it
  }
  // Record numbers are far below 2^53, so that as doubles they are exact; other values are only rounded.
  const double v = sqlite3_value_double(value);
  if (letter != '<' && letter != '[') range.at_least(v);
  if (letter != '>' && letter != ']') range.at_most(v);
}

int filter(sqlite3_vtab_cursor* base, int, const char* letters, int n, sqlite3_value** values) {
  RecordCursor& cursor = cursor_of(base);
  return table_of(base->pVtab).guarded([&] {
    Range range{0, table_of(base->pVtab).dataset().size()};
    for (int i = 0; i < n; ++i) narrow(range, letters[i], values[i]);
    cursor.end = range.end;
    cursor.at = std::min(range.begin, range.end);
    if (cursor.at < cursor.end) cursor.row.move_to(cursor.at);
  });
}

// ---- walking ------------------------------------------------------------------------------------

int open(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) {
  RecordTable& table = table_of(vtab);
  return table.guarded([&] {
    auto cursor = std::make_unique<RecordCursor>(RecordCursor{{}, RecordRow(table.dataset(), table.verify())});
    table.cursors.push_back(cursor.get());
    *out = &cursor.release()->base;
  });
}

int close(sqlite3_vtab_cursor* base) {
  std::erase(table_of(base->pVtab).cursors, &cursor_of(base));
  delete &cursor_of(base);
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* base) {
  RecordCursor& cursor = cursor_of(base);
  return table_of(base->pVtab).guarded([&] {
    throw_if_interrupted();
    table_of(base->pVtab).last_visited = cursor.at;
    if (++cursor.at < cursor.end) cursor.row.move_to(cursor.at);
  });
}

int eof(sqlite3_vtab_cursor* base) { return cursor_of(base).at >= cursor_of(base).end; }

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int i) {
  RecordTable& table = table_of(base->pVtab);
  return table.guarded([&] { set_result(context, cursor_of(base).row.value(table.columns()[static_cast<std::size_t>(i)])); });
}

int rowid(sqlite3_vtab_cursor* base, sqlite3_int64* out) {
  *out = static_cast<sqlite3_int64>(cursor_of(base).at);
  return SQLITE_OK;
}

// Without xCreate the table is there by its name alone, in every connection that has the module.
sqlite3_module make_module() {
  sqlite3_module module = {};
  module.xConnect = connect;
  module.xBestIndex = best_index;
  module.xDisconnect = disconnect;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = eof;
  module.xColumn = column;
  module.xRowid = rowid;
  return module;
}

template <class... Fns>
struct Overloaded : Fns... {
  using Fns::operator()...;
};
template <class... Fns>
Overloaded(Fns...) -> Overloaded<Fns...>;

}  // namespace

void RecordTable::add_to(sqlite3* db) {
  static const sqlite3_module module = make_module();
  if (sqlite3_create_module_v2(db, "records", &module, this, nullptr) != SQLITE_OK) throw std::bad_alloc();
  add_element_functions(db, *this);
}

RecordRow& RecordTable::current_row(const char* function) {
  const bool on_a_row = cursors.size() == 1 && cursors.front()->at < cursors.front()->end;
  if (selects != 1 || !on_a_row) {
    throw Error(Exit::usage, "", fmt::format("{}(...) is about one record, and here it is not clear which", function),
                fmt::format("in joins, subqueries and groups write {}(formula, ...)", function));
  }
  return cursors.front()->row;
}

void set_result(sqlite3_context* context, const SqlValue& value) {
  std::visit(Overloaded{[&](std::monostate) { sqlite3_result_null(context); },
                        [&](std::int64_t v) { sqlite3_result_int64(context, v); },
                        [&](double v) { sqlite3_result_double(context, v); },
                        [&](std::string_view v) {
                          sqlite3_result_text64(context, v.data(), v.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
                        },
                        [&](Bytes v) { sqlite3_result_blob64(context, v.data(), v.size(), SQLITE_TRANSIENT); }},
             value);
}

}  // namespace atp

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

// Conditions on the record number and on n_atoms narrow the scan; everything is still evaluated by SQLite,
// so a range that is too wide is not wrong. The plan's text has two letters for each value that filter()
// gets: of the column and of the comparison.
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

// n_atoms only beside a literal: what is compared with is evaluated before the scan, and may be a function
// about the row.
bool narrows_atoms(sqlite3_index_info* info, int i) {
  sqlite3_value* literal = nullptr;
  return info->aConstraint[i].iColumn == static_cast<int>(ColumnId::n_atoms) &&
         sqlite3_vtab_rhs_value(info, i, &literal) == SQLITE_OK && literal != nullptr;
}

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  return table_of(vtab).guarded([&] {
    std::string letters;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const char letter = letter_of(constraint.op);
      if (!constraint.usable || letter == 0) continue;
      const bool record = is_record_number(constraint.iColumn);
      if (!record && !narrows_atoms(info, i)) continue;
      letters += {record ? 'r' : 'n', letter};
      info->aConstraintUsage[i].argvIndex = static_cast<int>(letters.size() / 2);
    }
    double rows = static_cast<double>(table_of(vtab).dataset().size()) + 1;
    if (letters.find("r=") != std::string::npos) {
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

// Bounds beyond the range are clipped.
void begin_at(NumberRange& range, double bound) {
  if (bound >= static_cast<double>(range.end)) range.begin = range.end;
  else if (bound > static_cast<double>(range.begin)) range.begin = static_cast<std::uint64_t>(bound);
}

void end_at(NumberRange& range, double bound) {
  if (bound <= 0) range.end = 0;
  else if (bound < static_cast<double>(range.end)) range.end = static_cast<std::uint64_t>(bound);
}

void narrow(NumberRange& range, char letter, sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL: range.end = 0; return;  // compares as true with nothing
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: break;
    default: return;  // SQLite orders texts and numbers, too: let it
  }
  // Both numbers are far below 2^53, so that as doubles they are exact; only bounds beyond are rounded.
  const double v = sqlite3_value_double(value);
  if (letter == '=' || letter == ']') begin_at(range, std::ceil(v));
  if (letter == '>') begin_at(range, std::floor(v) + 1);
  if (letter == '=' || letter == '[') end_at(range, std::floor(v) + 1);
  if (letter == '<') end_at(range, std::ceil(v));
}

constexpr std::uint64_t kMostAtoms = UINT32_MAX;

// Moves from `at` to the next record that the scan is for, if there is one. Looks at the index alone.
void settle(RecordCursor& cursor) {
  for (; cursor.at < cursor.end; ++cursor.at) {
    throw_if_interrupted();
    cursor.row.move_to(cursor.at);
    if (cursor.atoms.begin == 0 && cursor.atoms.end > kMostAtoms) return;
    const std::uint64_t n = cursor.row.n_atoms();
    if (n >= cursor.atoms.begin && n < cursor.atoms.end) return;
  }
}

int filter(sqlite3_vtab_cursor* base, int, const char* letters, int n, sqlite3_value** values) {
  RecordCursor& cursor = cursor_of(base);
  return table_of(base->pVtab).guarded([&] {
    NumberRange records{0, table_of(base->pVtab).dataset().size()}, atoms{0, kMostAtoms + 1};
    for (int i = 0; i < n; ++i) narrow(letters[2 * i] == 'r' ? records : atoms, letters[2 * i + 1], values[i]);
    cursor.end = records.end;
    cursor.at = std::min(records.begin, records.end);
    cursor.atoms = atoms;
    settle(cursor);
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
    table_of(base->pVtab).last_visited = cursor.at++;
    settle(cursor);
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

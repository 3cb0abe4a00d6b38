// The dataset as SQLite's virtual table `records`. Private to core/query.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <exception>
#include <vector>

#include "core/query/record_columns.h"

namespace atp {

// Whole numbers from begin to end - 1.
struct NumberRange {
  std::uint64_t begin = 0, end = 0;
};

// A walk over the table, and the row it is on.
struct RecordCursor {
  sqlite3_vtab_cursor base;  // what SQLite knows of it
  RecordRow row;
  std::uint64_t at = 0, end = 0;  // at == end: on no row
  NumberRange atoms = {};         // records with other numbers of atoms are passed over
};

// One connection's view of a dataset. One thread. Must outlive the connection, and the dataset must
// outlive it.
class RecordTable {
 public:
  RecordTable(const Dataset& dataset, std::vector<RecordColumn> columns, bool verify)
      : dataset_(dataset), columns_(std::move(columns)), verify_(verify) {}
  RecordTable(const RecordTable&) = delete;
  RecordTable& operator=(const RecordTable&) = delete;

  // Adds the table and its functions (element_functions.cpp) to a connection.
  void add_to(sqlite3* db);

  const Dataset& dataset() const { return dataset_; }
  const std::vector<RecordColumn>& columns() const { return columns_; }
  bool verify() const { return verify_; }

  // How many SELECTs the statement has; set by the authorizer while it is prepared.
  int selects = 0;
  // What an exception in a callback was: SQLite is C and cannot be thrown through.
  std::exception_ptr error;
  // The record that the first cursor was on then.
  std::uint64_t error_record = 0;
  // The last record that any cursor was on, for progress.
  std::uint64_t last_visited = 0;

  // The row that a function without a formula is asked about. Only a statement with one SELECT and one
  // cursor has exactly one such row, and only while the cursor is on it: anything else (a subquery, a
  // join, the line of a whole group) throws Error (exit 2), because the answer would be that of some row.
  RecordRow& current_row(const char* function);

  // Runs `work`; an exception is kept in `error` and becomes SQLITE_ERROR.
  template <class Work>
  int guarded(Work&& work) {
    try {
      work();
      return SQLITE_OK;
    } catch (...) {
      error = std::current_exception();
      if (!cursors.empty()) error_record = cursors.front()->at;
      return SQLITE_ERROR;
    }
  }

  std::vector<RecordCursor*> cursors;  // that are open

 private:
  const Dataset& dataset_;
  std::vector<RecordColumn> columns_;
  bool verify_;
};

// only_elements, has_element and count_element. Borrows the table.
void add_element_functions(sqlite3* db, RecordTable& table);

// Gives SQLite a value as a function's or a column's result. Text is copied.
void set_result(sqlite3_context* context, const SqlValue& value);

}  // namespace atp

// An SQLite connection that can do nothing but SELECT from one dataset. Private to core/query.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/query/record_table.h"

namespace atp {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

// One thread; several connections to one dataset may work side by side. Borrows the dataset.
//
// The database is empty and in memory. Refused are everything but SELECT, other databases, PRAGMA,
// extensions, text in double quotes (which hides mistyped columns), and values beyond 256 MiB.
class Connection {
 public:
  struct Rules {
    bool repeatable = false;  // refuse random()
    bool verify = true;       // hold records against their checksums
  };
  // `where` begins the messages: "--sql". Throws Error (exit 3) when there are too many columns.
  Connection(const Dataset& dataset, std::string where, Rules rules);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The one statement that `sql` holds. Throws Error (exit 2) saying what is wrong with it.
  Statement prepare(const std::string& sql);
  // How many SELECTs the last prepared statement has.
  int selects() const { return table_.selects; }

  // Moves to the next row; false when there is none. Throws Error: exit 2 what SQLite cannot evaluate,
  // exit 3 a record that cannot be read, exit 4 no memory or space. Throws Interrupted.
  bool step(sqlite3_stmt* statement);

  // The record that could not be read when step() threw; of a statement with one SELECT.
  std::uint64_t error_record() const { return table_.error_record; }

  // Called now and then with the record that was visited last.
  void set_progress(std::function<void(std::uint64_t)> progress) { progress_ = std::move(progress); }

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  void harden();
  [[noreturn]] void fail(int code);
  std::string advice(std::string_view message) const;
  static int authorize(void* self, int action, const char* a, const char* b, const char*, const char*);
  static int look_around(void* self);

  std::string where_;
  Rules rules_;
  std::function<void(std::uint64_t)> progress_;
  RecordTable table_;  // outlives db_
  std::unique_ptr<sqlite3, CloseDatabase> db_;
};

// Column `i` of the row a statement is on. Text and bytes are valid until the next step().
SqlValue column_value(sqlite3_stmt* statement, int i);

}  // namespace atp

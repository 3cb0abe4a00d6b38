// An SQLite database as the benchmark's stores use it. Private to core/bench.
#pragma once

#include <sqlite3.h>

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/byte_reader.h"
#include "core/base/error.h"

namespace atp {

struct SqliteFinalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using SqliteStatement = std::unique_ptr<sqlite3_stmt, SqliteFinalize>;

// One thread. Throws Error (exit 4) saying what SQLite says. Statements go before it is closed.
class SqliteFile {
 public:
  void create(const std::string& path) {
    std::filesystem::remove(path);
    open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  }
  // For reading, mapped as far as SQLite allows.
  void open(const std::string& path) {
    open_with(path, SQLITE_OPEN_READONLY);
    run("PRAGMA mmap_size=1099511627776");
  }
  void close() { db_.reset(); }

  void run(const std::string& sql) { check(sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr)); }
  SqliteStatement prepare(const std::string& sql) {
    sqlite3_stmt* s = nullptr;
    check(sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &s, nullptr));
    return SqliteStatement(s);
  }
  bool step(sqlite3_stmt* s) {
    const int code = sqlite3_step(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
    return code == SQLITE_ROW;
  }
  void need_row(sqlite3_stmt* s) {
    if (!step(s)) [[unlikely]] fail_input(path_, "a molecule is missing");
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  void open_with(const std::string& path, int flags) {
    path_ = path;
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(db);
    check(code);
  }
  void check(int code) {
    if (code != SQLITE_OK) [[unlikely]] {
      throw Error(Exit::system, path_, fmt::format("SQLite says: {}", db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(code)));
    }
  }
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

inline Bytes blob_of(sqlite3_stmt* s, int column) {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(s, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(s, column))};
}

}  // namespace atp

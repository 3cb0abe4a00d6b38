// An SQLite database as the benchmark's stores use it. Private to core/bench.
#pragma once

#include <sqlite3.h>

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/base/error.h"
#include "core/bench/store.h"

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
      std::string said = db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(code);
      const int reason = db_ ? sqlite3_system_errno(db_.get()) : 0;
      if ((code & 0xff) == SQLITE_IOERR && reason != 0) said += fmt::format(" ({})", std::strerror(reason));
      throw Error(Exit::system, path_, "SQLite says: " + said);
    }
  }
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

inline Bytes blob_of(sqlite3_stmt* s, int column) {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(s, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(s, column))};
}

// What stores in one SQLite file share: a molecule is a row, found by its id. `Self` has query() ("SELECT ... FROM ...
// WHERE "), kFirstId (the id of molecule 0) and `template <class Fn> void take(sqlite3_stmt* row, Fn&& fn)`.
template <class Self>
class SqliteStoreLoops : public StoreLoops<Self> {
 public:
  explicit SqliteStoreLoops(std::string path) : path_(std::move(path)) {}

  void open() override {
    file_.open(path_);
    select_ = file_.prepare(self().query() + "id = ?");
    walk_ = file_.prepare(self().query() + "id >= ? ORDER BY id");
  }
  void close() override {
    select_.reset();
    walk_.reset();
    file_.close();
  }
  std::vector<std::string> files() const override { return {path_}; }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    take_rows(select_.get(), i, 1, fn);
  }
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    take_rows(walk_.get(), first, count, fn);
  }

 protected:
  void commit() {
    file_.run("COMMIT");  // synchronous=FULL, so it is on the disk
    file_.close();
  }

  std::string path_;
  SqliteFile file_;  // outlives the statements

 private:
  template <class Fn>
  void take_rows(sqlite3_stmt* s, std::uint64_t first, std::uint64_t count, Fn&& fn) {
    sqlite3_bind_int64(s, 1, static_cast<sqlite3_int64>(first) + Self::kFirstId);
    for (std::uint64_t i = 0; i < count; ++i) {
      file_.need_row(s);
      self().take(s, fn);
    }
    sqlite3_reset(s);
  }
  Self& self() { return static_cast<Self&>(*this); }

  SqliteStatement select_, walk_;
};

}  // namespace atp

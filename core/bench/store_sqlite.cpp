// SQLite through its C interface, each molecule one packed blob, the file mapped.
#include <sqlite3.h>

#include <filesystem>

#include "core/base/interrupt.h"
#include "core/bench/packed_molecule.h"
#include "core/bench/sqlite_file.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

class SqliteStore final : public StoreLoops<SqliteStore> {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}

  void begin(const StoreShape&) override {
    file_.create(path_);
    file_.run("CREATE TABLE molecules(id INTEGER PRIMARY KEY, packed BLOB); BEGIN");
    insert_ = file_.prepare("INSERT INTO molecules VALUES(?, ?)");
    next_ = 0;
  }
  void add(std::span<const Molecule> chunk) override {
    for (const Molecule& m : chunk) {
      packed_.resize(packed_size(m));
      pack_molecule(m, packed_.data());
      sqlite3_bind_int64(insert_.get(), 1, static_cast<sqlite3_int64>(next_++));
      sqlite3_bind_blob64(insert_.get(), 2, packed_.data(), packed_.size(), SQLITE_STATIC);
      file_.step(insert_.get());
      sqlite3_reset(insert_.get());
    }
    throw_if_interrupted();
  }
  void finish() override {
    insert_.reset();
    file_.run("COMMIT");  // synchronous=FULL, so it is on the disk
    file_.close();
  }

  void open() override {
    file_.open(path_);
    select_ = file_.prepare("SELECT packed FROM molecules WHERE id = ?");
    walk_ = file_.prepare("SELECT packed FROM molecules WHERE id >= ? ORDER BY id");
  }
  void close() override {
    select_.reset();
    walk_.reset();
    file_.close();
  }
  std::vector<std::string> files() const override { return {path_}; }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    sqlite3_bind_int64(select_.get(), 1, static_cast<sqlite3_int64>(i));
    file_.need_row(select_.get());
    unpack_molecule(blob_of(select_.get(), 0), fn);
    sqlite3_reset(select_.get());
  }
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    sqlite3_bind_int64(walk_.get(), 1, static_cast<sqlite3_int64>(first));
    for (std::uint64_t i = 0; i < count; ++i) {
      file_.need_row(walk_.get());
      unpack_molecule(blob_of(walk_.get(), 0), fn);
    }
    sqlite3_reset(walk_.get());
  }

 private:
  std::string path_;
  SqliteFile file_;  // outlives the statements
  SqliteStatement insert_, select_, walk_;
  sqlite3_int64 next_ = 0;
  std::vector<std::byte> packed_;
};

}  // namespace

std::string sqlite_version() { return sqlite3_libversion(); }

std::unique_ptr<Store> make_sqlite_store(const std::string& folder) { return std::make_unique<SqliteStore>(folder + "/packed.sqlite"); }

}  // namespace atp

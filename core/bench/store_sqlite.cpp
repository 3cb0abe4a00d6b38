// SQLite through its C interface, each molecule one packed blob, the file mapped.
#include <sqlite3.h>

#include "core/base/interrupt.h"
#include "core/bench/packed_molecule.h"
#include "core/bench/sqlite_file.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

class SqliteStore final : public SqliteStoreLoops<SqliteStore> {
 public:
  static constexpr sqlite3_int64 kFirstId = 0;

  using SqliteStoreLoops::SqliteStoreLoops;

  void begin(const StoreShape&) override {
    file_.create(path_);
    file_.run("CREATE TABLE molecules(id INTEGER PRIMARY KEY, packed BLOB); BEGIN");
    insert_ = file_.prepare("INSERT INTO molecules VALUES(?, ?)");
    next_ = kFirstId;
  }
  void add(std::span<const Molecule> chunk) override {
    for (const Molecule& m : chunk) {
      packed_.resize(packed_size(m));
      pack_molecule(m, packed_.data());
      sqlite3_bind_int64(insert_.get(), 1, next_++);
      sqlite3_bind_blob64(insert_.get(), 2, packed_.data(), packed_.size(), SQLITE_STATIC);
      file_.step(insert_.get());
      sqlite3_reset(insert_.get());
    }
    throw_if_interrupted();
  }
  void finish() override {
    insert_.reset();
    commit();
  }

  std::string query() const { return "SELECT packed FROM molecules WHERE "; }
  template <class Fn>
  void take(sqlite3_stmt* row, Fn&& fn) {
    unpack_molecule(blob_of(row, 0), fn);
  }

 private:
  SqliteStatement insert_;
  sqlite3_int64 next_ = kFirstId;
  std::vector<std::byte> packed_;
};

}  // namespace

std::string sqlite_version() { return sqlite3_libversion(); }

std::unique_ptr<Store> make_sqlite_store(const std::string& folder) { return std::make_unique<SqliteStore>(folder + "/packed.sqlite"); }

}  // namespace atp

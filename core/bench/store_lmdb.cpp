// LMDB through its C interface, each molecule one packed value.
#include <lmdb.h>

#include <fmt/format.h>

#include <filesystem>

#include "core/base/interrupt.h"
#include "core/bench/lmdb_error.h"
#include "core/bench/packed_molecule.h"
#include "core/bench/stores.h"

namespace atp {
namespace {

constexpr std::size_t kPutsPerTransaction = 16384;

class LmdbStore final : public StoreLoops<LmdbStore> {
 public:
  LmdbStore(std::string path, unsigned flags) : path_(std::move(path)), flags_(flags) {}
  ~LmdbStore() override { close(); }

  void begin(const StoreShape& shape) override {
    std::filesystem::remove(path_);
    // Pages are full to about four fifths, and a molecule above half a page has pages of its own.
    const std::size_t map = 2 * (shape.payload + shape.molecules * 128 + shape.molecules * (shape.payload / std::max<std::uint64_t>(1, shape.molecules) > 1500 ? 4096 : 0)) + (std::size_t{64} << 20);
    // As LMDB is filled fastest: appended in key order, and synced once at the end.
    connect(map, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC);
    start(0);
    check(mdb_dbi_open(txn_, nullptr, MDB_INTEGERKEY | MDB_CREATE, &dbi_), "open a database");
  }
  void add(std::span<const Molecule> chunk) override {
    for (const Molecule& m : chunk) {
      MDB_val key{sizeof next_, &next_};
      MDB_val value{packed_size(m), nullptr};
      check(mdb_put(txn_, dbi_, &key, &value, MDB_APPEND | MDB_RESERVE), "put");
      pack_molecule(m, static_cast<std::byte*>(value.mv_data));
      if (++next_ % kPutsPerTransaction == 0) {
        throw_if_interrupted();
        commit();
        start(0);
      }
    }
  }
  void finish() override {
    commit();
    check(mdb_env_sync(env_, 1), "sync");
    close();
  }

  void open() override {
    connect(0, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY | flags_);
    start(MDB_RDONLY);
    check(mdb_dbi_open(txn_, nullptr, MDB_INTEGERKEY, &dbi_), "open a database");
    check(mdb_cursor_open(txn_, dbi_, &cursor_), "open a cursor");
  }
  void close() override {
    if (cursor_) mdb_cursor_close(cursor_);
    if (txn_) mdb_txn_abort(txn_);
    if (env_) mdb_env_close(env_);
    cursor_ = nullptr;
    txn_ = nullptr;
    env_ = nullptr;
    next_ = 0;
  }

  std::vector<std::string> files() const override { return {path_}; }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    std::size_t k = i;
    MDB_val key{sizeof k, &k}, value;
    check(mdb_get(txn_, dbi_, &key, &value), "get");
    unpack_molecule({static_cast<const std::byte*>(value.mv_data), value.mv_size}, fn);
  }
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    std::size_t k = first;
    MDB_val key{sizeof k, &k}, value;
    for (std::uint64_t i = 0; i < count; ++i) {
      check(mdb_cursor_get(cursor_, &key, &value, i == 0 ? MDB_SET : MDB_NEXT), "walk");
      unpack_molecule({static_cast<const std::byte*>(value.mv_data), value.mv_size}, fn);
    }
  }

 private:
  void check(int code, const char* what) const { check_lmdb(code, path_, what); }
  void connect(std::size_t map, unsigned flags) {
    close();
    check(mdb_env_create(&env_), "start");
    if (map != 0) check(mdb_env_set_mapsize(env_, map), "set its size");
    check(mdb_env_open(env_, path_.c_str(), flags, 0600), "open the file");
  }
  void start(unsigned flags) { check(mdb_txn_begin(env_, nullptr, flags, &txn_), "begin"); }
  void commit() { check(mdb_txn_commit(std::exchange(txn_, nullptr)), "commit"); }

  std::string path_;
  unsigned flags_;
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  MDB_dbi dbi_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

std::string lmdb_version() {
  int major = 0, minor = 0, patch = 0;
  mdb_version(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

std::unique_ptr<Store> make_lmdb_store(const std::string& folder, bool read_ahead) {
  return std::make_unique<LmdbStore>(folder + "/packed.mdb", read_ahead ? 0u : unsigned{MDB_NORDAHEAD});
}

}  // namespace atp

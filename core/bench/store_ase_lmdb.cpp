// ASE LMDB (.aselmdb): rows of ASE as zlib-compressed JSON, written and read in C++.
#include <fmt/format.h>
#include <lmdb.h>
#include <simdjson.h>
#include <zlib.h>

#include <filesystem>
#include <limits>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/bench/lmdb_error.h"
#include "core/bench/stores.h"
#include "core/bench/widened.h"

namespace atp {
namespace {

constexpr std::size_t kPutsPerTransaction = 4096;
constexpr std::size_t kMostJson = std::size_t{1} << 30;

class AseLmdbStore final : public StoreLoops<AseLmdbStore> {
 public:
  explicit AseLmdbStore(std::string path) : path_(std::move(path)) {}
  ~AseLmdbStore() override { close(); }

  void begin(const StoreShape& shape) override {
    std::filesystem::remove(path_);
    connect(8 * shape.payload + shape.molecules * 8192 + (std::size_t{64} << 20), MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC);
    start(0);
    check(mdb_dbi_open(txn_, nullptr, MDB_CREATE, &dbi_), "open a database");
    next_ = 1;
  }
  void add(std::span<const Molecule> chunk) override {
    for (const Molecule& m : chunk) {
      put(std::to_string(next_), row_of(m));
      if (next_++ % kPutsPerTransaction == 0) {
        commit();
        start(0);
      }
    }
    throw_if_interrupted();
  }
  void finish() override {
    put("nextid", std::to_string(next_));
    commit();
    check(mdb_env_sync(env_, 1), "sync");
    close();
  }

  void open() override {
    connect(0, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY);
    start(MDB_RDONLY);
    check(mdb_dbi_open(txn_, nullptr, 0, &dbi_), "open a database");
  }
  void close() override {
    if (txn_) mdb_txn_abort(txn_);
    if (env_) mdb_env_close(env_);
    txn_ = nullptr;
    env_ = nullptr;
  }
  std::vector<std::string> files() const override { return {path_}; }

  template <class Fn>
  void get(std::uint64_t i, Fn&& fn) {
    std::string name = std::to_string(i + 1);
    MDB_val key{name.size(), name.data()}, value;
    check(mdb_get(txn_, dbi_, &key, &value), "get");
    take(inflated({static_cast<const std::byte*>(value.mv_data), value.mv_size}), fn);
  }
  // The order of the ids is not that of the keys, so this is what a reader does, too.
  template <class Fn>
  void walk(std::uint64_t first, std::uint64_t count, Fn&& fn) {
    for (std::uint64_t i = first; i < first + count; ++i) get(i, fn);
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

  void put(std::string name, std::string_view json) {
    uLongf size = compressBound(json.size());
    deflated_.resize(size);
    if (compress(reinterpret_cast<Bytef*>(deflated_.data()), &size, reinterpret_cast<const Bytef*>(json.data()), json.size()) != Z_OK) {
      throw Error(Exit::system, path_, "zlib cannot compress");
    }
    MDB_val key{name.size(), name.data()}, value{size, deflated_.data()};
    check(mdb_put(txn_, dbi_, &key, &value, 0), "put");
  }

  template <class T>
  void add_array(std::string_view name, std::string_view shape, std::string_view type, std::span<const T> values) {
    fmt::format_to(std::back_inserter(json_), "\"{}\": {{\"__ndarray__\": [[{}], \"{}\", [{}]]}}, ", name, shape, type, fmt::join(values, ", "));
  }

  // JSON has no NaN, which stands for what a molecule has not.
  void write_nan_as_null(std::size_t from) {
    for (std::size_t at = json_.find("nan", from); at != std::string::npos; at = json_.find("nan", at)) json_.replace(at, 3, "null");
  }
  static double number_of(simdjson::ondemand::value v) { return v.is_null() ? std::numeric_limits<double>::quiet_NaN() : double{v.get_double()}; }

  // As ase-db-backends writes a row (key by key in its order).
  std::string_view row_of(const Molecule& m) {
    widened_.from(m);
    json_ = "{";
    const std::string n = std::to_string(m.atoms), rows = n + ", 3";
    add_array<std::int32_t>("numbers", n, "int64", widened_.numbers);
    add_array<double>("positions", rows, "float64", widened_.positions);
    fmt::format_to(std::back_inserter(json_), "\"unique_id\": \"{:032x}\", \"pbc\": {{\"__ndarray__\": [[3], \"bool\", [{}, {}, {}]]}}, ", next_, m.pbc[0] != 0,
                   m.pbc[1] != 0, m.pbc[2] != 0);
    add_array<double>("cell", "3, 3", "float64", m.cell);
    const std::size_t results = json_.size();
    fmt::format_to(std::back_inserter(json_), "\"calculator\": \"unknown\", \"calculator_parameters\": {{}}, \"energy\": {}, ", m.energy);
    add_array<double>("forces", rows, "float64", widened_.forces);
    write_nan_as_null(results);
    if (custom()) {
      add_array<double>("dipole", "3", "float64", std::span(widened_.custom_numbers).subspan(2));
      add_array<double>("magmoms", n, "float64", widened_.magmoms);
      add_array<double>("charges", n, "float64", widened_.bader_charges);
      json_ += "\"key_value_pairs\": " + widened_.pairs() + ", ";
    }
    json_ += "\"ctime\": 26.9, \"user\": \"user\", \"mtime\": 26.9, \"data\": {}}";
    return json_;
  }

  simdjson::padded_string_view inflated(Bytes stored) {
    std::size_t room = std::max<std::size_t>(text_.size(), 4096);
    for (;; room *= 2) {
      if (room > kMostJson) fail_input(path_, "a row is larger than 1 GiB");
      text_.resize(room);
      uLongf size = room - simdjson::SIMDJSON_PADDING;
      const int code = uncompress(reinterpret_cast<Bytef*>(text_.data()), &size, reinterpret_cast<const Bytef*>(stored.data()), stored.size());
      if (code == Z_OK) return simdjson::padded_string_view(text_.data(), size, room);
      if (code != Z_BUF_ERROR) fail_input(path_, "a row does not decompress");
    }
  }

  template <class Fn>
  void take(simdjson::padded_string_view json, Fn&& fn) {
    try {
      simdjson::ondemand::document row = parser_.iterate(json);
      std::size_t n = 0;
      narrowed_.resize(0);
      narrowed_.custom_numbers.clear();
      narrowed_.custom_arrays.clear();
      double energy = 0;
      for (auto field : row.get_object()) {
        const std::string_view key = field.unescaped_key();
        if (key == "numbers") {
          for (auto v : array_of(field.value())) narrowed_.numbers.push_back(static_cast<std::byte>(std::int64_t{v.get_int64()}));
          n = narrowed_.numbers.size();
        } else if (key == "positions" || key == "forces") {
          auto& to = key == "positions" ? narrowed_.positions : narrowed_.forces;
          for (auto v : array_of(field.value())) to.push_back(static_cast<float>(number_of(v.value())));
        } else if (key == "energy") {
          energy = number_of(field.value());
        } else if (key == "dipole") {
          for (auto v : array_of(field.value())) narrowed_.custom_numbers.push_back(double{v.get_double()});
        } else if (key == "magmoms" || key == "charges") {
          for (auto v : array_of(field.value())) narrowed_.custom_arrays.push_back(static_cast<float>(double{v.get_double()}));
        } else if (key == "key_value_pairs") {
          for (auto pair : field.value().get_object()) narrowed_.custom_numbers.push_back(double{pair.value().get_double()});
        }
      }
      if (narrowed_.positions.size() != 3 * n || narrowed_.forces.size() != 3 * n) fail_input(path_, "arrays of one molecule disagree");
      narrowed_.give(n, energy, custom(), fn);
    } catch (const simdjson::simdjson_error& e) {
      fail_input(path_, fmt::format("a row is not the JSON that was written: {}", e.what()));
    }
  }
  // {"__ndarray__": [shape, type, values]}
  static simdjson::ondemand::array array_of(simdjson::ondemand::value value) {
    return value.get_object().find_field("__ndarray__").get_array().at(2).get_array();
  }

  std::string path_;
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbi_ = 0;
  std::uint64_t next_ = 1;
  std::string json_;
  std::vector<char> deflated_, text_;
  simdjson::ondemand::parser parser_;
  WidenedMolecule widened_;
  NarrowedMolecule narrowed_;
};

}  // namespace

std::unique_ptr<Store> make_ase_lmdb_store(const std::string& folder) { return std::make_unique<AseLmdbStore>(folder + "/rows.aselmdb"); }

}  // namespace atp

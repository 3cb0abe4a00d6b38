// ASE's SQLite database (ase.db, schema version 9), written and read through SQLite's C interface: the format that
// Python users have, without Python.
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <map>

#include "core/base/interrupt.h"
#include "core/bench/sqlite_file.h"
#include "core/bench/stores.h"
#include "core/bench/widened.h"

namespace atp {
namespace {

// Tables and indexes as ase.db 3.22 makes them: ASE opens the file.
constexpr const char* kSchema =
    "CREATE TABLE systems(id INTEGER PRIMARY KEY AUTOINCREMENT, unique_id TEXT UNIQUE, ctime REAL, mtime REAL, username TEXT, numbers BLOB,"
    " positions BLOB, cell BLOB, pbc INTEGER, initial_magmoms BLOB, initial_charges BLOB, masses BLOB, tags BLOB, momenta BLOB,"
    " constraints TEXT, calculator TEXT, calculator_parameters TEXT, energy REAL, free_energy REAL, forces BLOB, stress BLOB, dipole BLOB,"
    " magmoms BLOB, magmom REAL, charges BLOB, key_value_pairs TEXT, data BLOB, natoms INTEGER, fmax REAL, smax REAL, volume REAL,"
    " mass REAL, charge REAL);"
    "CREATE TABLE species(Z INTEGER, n INTEGER, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE keys(key TEXT, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE text_key_values(key TEXT, value TEXT, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE number_key_values(key TEXT, value REAL, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE information(name TEXT, value TEXT);"
    "INSERT INTO information VALUES('version', '9');"
    "CREATE INDEX unique_id_index ON systems(unique_id);"
    "CREATE INDEX ctime_index ON systems(ctime);"
    "CREATE INDEX username_index ON systems(username);"
    "CREATE INDEX calculator_index ON systems(calculator);"
    "CREATE INDEX species_index ON species(Z);"
    "CREATE INDEX key_index ON keys(key);"
    "CREATE INDEX text_index ON text_key_values(key);"
    "CREATE INDEX number_index ON number_key_values(key);"
    "BEGIN";

// What ase.db stores for an empty dictionary.
constexpr std::string_view kNoData("\x08\0\0\0\0\0\0\0{}", 10);

class AseDbStore final : public SqliteStoreLoops<AseDbStore> {
 public:
  static constexpr sqlite3_int64 kFirstId = 1;

  using SqliteStoreLoops::SqliteStoreLoops;

  void begin(const StoreShape&) override {
    file_.create(path_);
    file_.run(kSchema);
    insert_ = file_.prepare(
        "INSERT INTO systems(id, unique_id, ctime, mtime, numbers, positions, cell, pbc, calculator, calculator_parameters, energy, forces,"
        " key_value_pairs, data, natoms, charge, dipole, magmoms, charges)"
        " VALUES(?1, ?2, 26.9, 26.9, ?3, ?4, ?5, ?6, 'unknown', '{}', ?7, ?8, ?11, ?9, ?10, 0.0, ?12, ?13, ?14)");
    species_ = file_.prepare("INSERT INTO species VALUES(?, ?, ?)");
    number_ = file_.prepare("INSERT INTO number_key_values VALUES(?, ?, ?)");
    next_ = kFirstId;
  }
  void add(std::span<const Molecule> chunk) override {
    for (const Molecule& m : chunk) add(m);
    throw_if_interrupted();
  }
  void finish() override {
    insert_.reset();
    species_.reset();
    number_.reset();
    commit();
  }

  std::string query() const {
    return std::string("SELECT numbers, positions, forces, energy") + (custom() ? ", dipole, magmoms, charges, key_value_pairs" : "") + " FROM systems WHERE ";
  }
  template <class Fn>
  void take(sqlite3_stmt* s, Fn&& fn) {
    const Bytes numbers = blob_of(s, 0), positions = blob_of(s, 1), forces = blob_of(s, 2);
    const std::size_t n = numbers.size() / 4;
    if (positions.size() != 24 * n || forces.size() != 24 * n) fail_input(path_, "arrays of one molecule disagree");
    narrowed_.resize(n);
    for (std::size_t k = 0; k < n; ++k) narrowed_.numbers[k] = static_cast<std::byte>(load<std::int32_t>(numbers.data() + 4 * k));
    for (std::size_t k = 0; k < 3 * n; ++k) {
      narrowed_.positions[k] = static_cast<float>(load<double>(positions.data() + 8 * k));
      narrowed_.forces[k] = static_cast<float>(load<double>(forces.data() + 8 * k));
    }
    if (custom()) take_custom(s, n);
    // SQLite has no NaN, which stands for a molecule without energy: it stores NULL.
    narrowed_.give(n, sqlite3_column_type(s, 3) == SQLITE_NULL ? kNone : sqlite3_column_double(s, 3), custom(), fn);
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  static void bind(sqlite3_stmt* s, int place, Bytes bytes) { sqlite3_bind_blob64(s, place, bytes.data(), bytes.size(), SQLITE_TRANSIENT); }

  void add(const Molecule& m) {
    sqlite3_stmt* s = insert_.get();
    const std::string unique = fmt::format("{:032x}", next_);
    widened_.from(m);
    sqlite3_bind_int64(s, 1, next_);
    sqlite3_bind_text(s, 2, unique.data(), static_cast<int>(unique.size()), SQLITE_STATIC);
    bind(s, 3, std::as_bytes(std::span(widened_.numbers)));
    bind(s, 4, std::as_bytes(std::span(widened_.positions)));
    bind(s, 5, std::as_bytes(std::span(m.cell)));
    sqlite3_bind_int(s, 6, m.pbc[0] + 2 * m.pbc[1] + 4 * m.pbc[2]);
    sqlite3_bind_double(s, 7, m.energy);
    bind(s, 8, std::as_bytes(std::span(widened_.forces)));
    bind(s, 9, as_bytes(kNoData));
    sqlite3_bind_int64(s, 10, m.atoms);
    const std::string pairs = custom() ? widened_.pairs() : "{}";
    sqlite3_bind_text(s, 11, pairs.data(), static_cast<int>(pairs.size()), SQLITE_STATIC);
    if (custom()) {
      bind(s, 12, std::as_bytes(std::span(widened_.custom_numbers).subspan(2)));
      bind(s, 13, std::as_bytes(std::span(widened_.magmoms)));
      bind(s, 14, std::as_bytes(std::span(widened_.bader_charges)));
    }
    file_.step(s);
    sqlite3_reset(s);
    std::map<std::int32_t, int> counts;
    for (const auto z : widened_.numbers) ++counts[z];
    for (const auto& [z, n] : counts) {
      sqlite3_bind_int(species_.get(), 1, z);
      sqlite3_bind_int(species_.get(), 2, n);
      sqlite3_bind_int64(species_.get(), 3, next_);
      file_.step(species_.get());
      sqlite3_reset(species_.get());
    }
    if (custom()) {
      add_number("band_gap", widened_.custom_numbers[0]);
      add_number("total_charge", widened_.custom_numbers[1]);
    }
    ++next_;
  }

  void add_number(const char* key, double value) {
    sqlite3_bind_text(number_.get(), 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_double(number_.get(), 2, value);
    sqlite3_bind_int64(number_.get(), 3, next_);
    file_.step(number_.get());
    sqlite3_reset(number_.get());
  }

  void take_custom(sqlite3_stmt* s, std::size_t n) {
    const Bytes dipole = blob_of(s, 4), magmoms = blob_of(s, 5), charges = blob_of(s, 6);
    if (dipole.size() != 24 || magmoms.size() != 8 * n || charges.size() != 8 * n) fail_input(path_, "properties of one molecule disagree");
    narrowed_.custom_numbers.clear();
    // As JSON, which is where ASE takes them from.
    const auto text = reinterpret_cast<const char*>(sqlite3_column_text(s, 7));
    const std::string_view pairs(text ? text : "", text ? static_cast<std::size_t>(sqlite3_column_bytes(s, 7)) : 0);
    for (auto colon = pairs.find(": "); colon != std::string_view::npos; colon = pairs.find(": ", colon + 2)) {
      double value = 0;
      std::from_chars(pairs.data() + colon + 2, pairs.data() + pairs.size(), value);
      narrowed_.custom_numbers.push_back(value);
    }
    for (std::size_t k = 0; k < 3; ++k) narrowed_.custom_numbers.push_back(load<double>(dipole.data() + 8 * k));
    narrowed_.custom_arrays.clear();
    for (const Bytes array : {magmoms, charges}) {
      for (std::size_t k = 0; k < n; ++k) narrowed_.custom_arrays.push_back(static_cast<float>(load<double>(array.data() + 8 * k)));
    }
  }

  SqliteStatement insert_, species_, number_;
  sqlite3_int64 next_ = kFirstId;
  WidenedMolecule widened_;
  NarrowedMolecule narrowed_;
};

}  // namespace

std::unique_ptr<Store> make_ase_db_store(const std::string& folder) { return std::make_unique<AseDbStore>(folder + "/ase.db"); }

}  // namespace atp

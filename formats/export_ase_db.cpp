// Records as an ASE database in SQLite, schema version 9 (ase/db/sqlite.py).
#include "formats/exporters.h"

#ifdef ATP_HAVE_SQLITE

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <map>
#include <variant>

#include "core/base/json_writer.h"
#include "core/chem/cell.h"
#include "formats/ase_row.h"
#include "formats/export_ase_row.h"
#include "formats/shortest.h"

namespace atp {
namespace {

constexpr const char* kTables =
    "CREATE TABLE systems (id INTEGER PRIMARY KEY AUTOINCREMENT, unique_id TEXT UNIQUE, ctime REAL, mtime REAL, username TEXT, "
    "numbers BLOB, positions BLOB, cell BLOB, pbc INTEGER, initial_magmoms BLOB, initial_charges BLOB, masses BLOB, tags BLOB, "
    "momenta BLOB, constraints TEXT, calculator TEXT, calculator_parameters TEXT, energy REAL, free_energy REAL, forces BLOB, "
    "stress BLOB, dipole BLOB, magmoms BLOB, magmom REAL, charges BLOB, key_value_pairs TEXT, data BLOB, natoms INTEGER, "
    "fmax REAL, smax REAL, volume REAL, mass REAL, charge REAL);"
    "CREATE TABLE species (Z INTEGER, n INTEGER, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE keys (key TEXT, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE text_key_values (key TEXT, value TEXT, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE number_key_values (key TEXT, value REAL, id INTEGER, FOREIGN KEY (id) REFERENCES systems(id));"
    "CREATE TABLE information (name TEXT, value TEXT);"
    "INSERT INTO information VALUES ('version', '9');";
constexpr const char* kIndexes =
    "CREATE INDEX unique_id_index ON systems(unique_id);CREATE INDEX ctime_index ON systems(ctime);"
    "CREATE INDEX username_index ON systems(username);CREATE INDEX calculator_index ON systems(calculator);"
    "CREATE INDEX species_index ON species(Z);CREATE INDEX key_index ON keys(key);"
    "CREATE INDEX text_index ON text_key_values(key);CREATE INDEX number_index ON number_key_values(key);";

// The columns behind id, in order.
enum Column : int {
  unique_id = 1, ctime_, mtime, username, numbers, positions, cell, pbc, initial_magmoms, initial_charges, masses, tags, momenta,
  constraints, calculator, calculator_parameters, energy, free_energy, forces, stress, dipole, magmoms, magmom, charges,
  key_value_pairs, data, natoms, fmax, smax, volume, mass, charge
};

// Where arrays that have a column of their own go.
constexpr std::pair<std::string_view, Column> kOwnColumns[] = {{"initial_magmoms", initial_magmoms}, {"initial_charges", initial_charges}, {"masses", masses},
                                                               {"momenta", momenta},                 {"magmoms", magmoms},                 {"tags", tags}};

template <class T>
void append(std::string& out, T v) {
  const std::size_t at = out.size();
  out.resize(at + sizeof v);
  store(reinterpret_cast<std::byte*>(out.data() + at), v);
}

std::string doubles(const NumbersView& n) {
  std::string out;
  for (std::uint64_t i = 0; i < n.count; ++i) append(out, n.real(i));
  return out;
}

class AseDbExporter : public RecordExporter {
 public:
  AseDbExporter(std::string path, const ExportOptions& options) : path_(std::move(path)), options_(options) {
    check(::sqlite3_open_v2(path_.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr));
    // The file is new and has another name until it is complete: nothing is to be rolled back to.
    run("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;");
    run(kTables);
    run("BEGIN");
    std::string marks;
    for (int i = 0; i < 32; ++i) marks += ",?";
    prepare(fmt::format("INSERT INTO systems VALUES (NULL{})", marks), row_);
    prepare("INSERT INTO species VALUES (?, ?, ?)", species_);
    prepare("INSERT INTO keys VALUES (?, ?)", keys_);
    prepare("INSERT INTO text_key_values VALUES (?, ?, ?)", texts_);
    prepare("INSERT INTO number_key_values VALUES (?, ?, ?)", numbers_);
  }
  ~AseDbExporter() override {
    for (sqlite3_stmt* s : {row_, species_, keys_, texts_, numbers_}) ::sqlite3_finalize(s);
    ::sqlite3_close(db_);
  }

  // The record as the file has it; rows are made when they are inserted.
  void encode(const RecordView& record, std::uint64_t /*number*/, std::string& out) const override {
    record.check();
    append(out, static_cast<std::uint8_t>(record.positions_type()));
    append(out, record.n_atoms());
    out += as_text(record.positions_bytes());
    out += as_text(record.atomic_numbers());
    append(out, static_cast<std::uint16_t>(record.n_sections()));
    out += as_text(record.sections_bytes());
  }

  void take(std::string_view encoded) override {
    const RecordView record(as_bytes(encoded.substr(1)), static_cast<Type>(encoded[0]));
    insert(record, encoded);
  }

  void finish() override {
    sqlite3_stmt* information = nullptr;
    prepare("INSERT INTO information VALUES (?, ?)", information);
    text(information, 1, kRecordedTypes);
    text(information, 2, types_.text());
    const int inserted = ::sqlite3_step(information);
    ::sqlite3_finalize(information);
    check(inserted);
    run("COMMIT");
    run(kIndexes);
    for (sqlite3_stmt** s : {&row_, &species_, &keys_, &texts_, &numbers_}) ::sqlite3_finalize(std::exchange(*s, nullptr));
    const int code = ::sqlite3_close(std::exchange(db_, nullptr));
    if (code != SQLITE_OK) throw Error(Exit::system, path_, fmt::format("cannot write: {}", ::sqlite3_errstr(code)));
  }

 private:
  void check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    if (code == SQLITE_FULL) fail_system(path_, "cannot write", ENOSPC);
    if (const int system = db_ == nullptr ? 0 : ::sqlite3_system_errno(db_); system != 0 && (code & 0xFF) == SQLITE_IOERR) fail_system(path_, "cannot write", system);
    throw Error(Exit::system, path_, fmt::format("cannot write: {}", db_ == nullptr ? ::sqlite3_errstr(code) : ::sqlite3_errmsg(db_)));
  }
  void run(const char* sql) const { check(::sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
  void prepare(const std::string& sql, sqlite3_stmt*& out) const { check(::sqlite3_prepare_v2(db_, sql.c_str(), -1, &out, nullptr)); }

  void step(sqlite3_stmt* s) const {
    check(::sqlite3_step(s));
    check(::sqlite3_reset(s));
    check(::sqlite3_clear_bindings(s));
  }
  void blob(int column, const std::string& bytes) const { check(::sqlite3_bind_blob64(row_, column, bytes.data(), bytes.size(), SQLITE_TRANSIENT)); }
  void text(sqlite3_stmt* s, int column, std::string_view t) const { check(::sqlite3_bind_text64(s, column, t.data(), t.size(), SQLITE_TRANSIENT, SQLITE_UTF8)); }
  void real(sqlite3_stmt* s, int column, double v) const { check(::sqlite3_bind_double(s, column, v)); }
  void integer(sqlite3_stmt* s, int column, std::int64_t v) const { check(::sqlite3_bind_int64(s, column, v)); }

  void insert(const RecordView& record, std::string_view encoded) {
    const RecordFields fields(record);
    note_ase_limits(record, fields, options_);
    types_.add_positions(record.positions_type());
    for (const auto& f : fields.fields) types_.add(f.section, f.value);
    const std::string fresh_id = ase_unique_id(encoded, rows_);
    const std::string_view old_id = text_property(fields, "unique_id");
    text(row_, unique_id, old_id.empty() ? fresh_id : old_id);
    real(row_, ctime_, 0);
    real(row_, mtime, 0);
    text(row_, username, kAtpUser);
    std::map<int, std::int64_t> counts;
    std::string z;
    for (const std::byte b : record.atomic_numbers()) {
      append(z, static_cast<std::int32_t>(b));
      ++counts[static_cast<int>(b)];
    }
    blob(numbers, z);
    blob(positions, doubles(record.positions()));
    integer(row_, natoms, static_cast<std::int64_t>(fields.n_atoms));
    bind_builtins(record, fields);
    const Pairs pairs = bind_properties(record, fields);
    insert_row(fresh_id);
    ++rows_;
    const std::int64_t id = ::sqlite3_last_insert_rowid(db_);
    for (const auto& [element, n] : counts) {
      integer(species_, 1, element);
      integer(species_, 2, n);
      integer(species_, 3, id);
      step(species_);
    }
    insert_pairs(pairs, id);
  }

  // A unique_id that another row has already, as when a row was packed twice, gives way to a new one.
  void insert_row(const std::string& fresh_id) const {
    if (::sqlite3_step(row_) == SQLITE_CONSTRAINT) {
      ::sqlite3_reset(row_);
      text(row_, unique_id, fresh_id);
      options_.note("some records have the unique_id of a record before: ASE's rows do not, so they are given new ones");
    } else {
      check(::sqlite3_reset(row_));
      check(::sqlite3_clear_bindings(row_));
      return;
    }
    step(row_);
  }

  void bind_builtins(const RecordView& record, const RecordFields& fields) const {
    const auto* c = fields.builtin("cell");
    std::array<double, 9> matrix = {};
    if (c != nullptr) {
      for (std::size_t i = 0; i < 9; ++i) matrix[i] = c->value.numbers.real(i);
      real(row_, volume, std::fabs(cell_volume(matrix)));
    }
    std::string bytes;
    for (const double x : matrix) append(bytes, x);
    blob(cell, bytes);
    std::int64_t bits = 0;
    if (const auto periodic = record.pbc()) {
      for (std::size_t i = 0; i < 3; ++i) bits |= std::int64_t{(*periodic)[i]} << i;
    }
    integer(row_, pbc, bits);
    const bool results = fields.builtin("energy") != nullptr || fields.builtin("forces") != nullptr || fields.builtin("stress") != nullptr;
    const std::string_view name = text_property(fields, "calculator"), parameters = text_property(fields, "calculator_parameters");
    if (results || !name.empty() || !parameters.empty()) {
      text(row_, calculator, name.empty() ? "unknown" : name);
      text(row_, calculator_parameters, parameters.empty() ? "{}" : parameters);
    }
    if (const std::string fixed = ase_constraints(fields); !fixed.empty()) text(row_, constraints, fixed);
    if (const auto e = record.energy(); e && !std::isnan(*e)) real(row_, energy, *e);
    if (const auto f = record.forces()) {
      blob(forces, doubles(*f));
      double most = 0;
      for (std::uint64_t i = 0; i + 2 < f->count; i += 3) most = std::max(most, f->real(i) * f->real(i) + f->real(i + 1) * f->real(i + 1) + f->real(i + 2) * f->real(i + 2));
      real(row_, fmax, std::sqrt(most));
    }
    if (const auto s = record.stress()) {
      bind_stress(*s);
    }
    if (const auto q = record.charges()) blob(charges, doubles(*q));
  }

  void bind_stress(const std::array<double, 9>& s) const {
    std::string bytes;
    double most = 0;
    for (const double x : voigt_of(s)) {
      append(bytes, x);
      most = std::max(most, std::fabs(x));
    }
    blob(stress, bytes);
    real(row_, smax, most);
  }

  using Pairs = std::map<std::string, std::variant<double, std::string>, std::less<>>;

  // Numbers and texts become key-value pairs, arrays data, and what ASE has a column for goes there. A column of
  // numbers has no NaN, which data has.
  Pairs bind_properties(const RecordView& record, const RecordFields& fields) const {
    Pairs pairs;
    JsonWriter pairs_json, data_json;
    pairs_json.begin_object();
    data_json.begin_object();
    std::string arrays(8, '\0');  // where the JSON begins, then the arrays
    if (!bind_momenta(record, fields)) put_data(*fields.builtin("velocities"), arrays, data_json);
    for (const auto& f : fields.fields) {
      const std::string_view key = f.section.key;
      const Form form = f.value.info->form;
      const bool scalar = form == Form::scalar, real_scalar = scalar && is_real(f.value.numbers.scalar);
      const bool has_nan = real_scalar && std::isnan(f.value.numbers.real(0));
      if (f.section.kind == Kind::builtin) {
        if (is_taken(fields, key)) continue;
        const bool asymmetric = key == "stress" && !is_all_in_voigt(*record.stress());
        if ((key == "energy" && has_nan) || asymmetric) put_data(f, arrays, data_json);
        if (key != "name") continue;
      }
      if (is_text_column(f) || is_said_by_constraints(f, fields)) continue;
      if (f.section.kind == Kind::atom && bind_own_column(f, fields)) continue;
      const bool of_molecule = f.section.kind == Kind::molecule;
      if (of_molecule && real_scalar && !has_nan && (key == "free_energy" || key == "magmom")) {
        real(row_, key == "magmom" ? magmom : free_energy, f.value.numbers.real(0));
      } else if (of_molecule && key == "dipole" && form == Form::array && is_real(f.value.numbers.scalar) && f.value.numbers.count == 3) {
        blob(dipole, doubles(f.value.numbers));
      } else if (is_ase_pair_name(key) && f.section.kind != Kind::atom && (scalar || form == Form::text)) {
        put_pair(f, pairs, pairs_json);
      } else {
        put_data(f, arrays, data_json);
      }
    }
    text(row_, key_value_pairs, pairs_json.end_object().text());
    store(reinterpret_cast<std::byte*>(arrays.data()), static_cast<std::int64_t>(arrays.size()));
    blob(data, arrays + data_json.end_object().text());
    return pairs;
  }

  static bool is_real(Scalar s) { return s == Scalar::f32 || s == Scalar::f64; }

  // False when the velocities have to be written besides: the momenta do not give all their digits again.
  bool bind_momenta(const RecordView& record, const RecordFields& fields) const {
    if (fields.builtin("velocities") == nullptr) return true;
    const auto own = ase_momenta(record, fields);
    const bool free = !is_taken(fields, "momenta");
    if (own && free) {
      std::string bytes;
      for (const double x : own->values) append(bytes, x);
      blob(momenta, bytes);
    }
    return (own && free && own->exact) || is_taken(fields, "velocities");
  }

  bool bind_own_column(const RecordFields::Field& f, const RecordFields& fields) const {
    if (!has_own_ase_column(f, fields)) return false;
    for (const auto& [key, column] : kOwnColumns) {
      if (key != f.section.key) continue;
      if (column != tags) {
        blob(column, doubles(f.value.numbers));
        return true;
      }
      std::string bytes;
      for (std::uint64_t i = 0; i < f.value.numbers.count; ++i) append(bytes, static_cast<std::int32_t>(f.value.numbers.integer(i)));
      blob(tags, bytes);
      return true;
    }
    return false;
  }

  static void put_pair(const RecordFields::Field& f, Pairs& pairs, JsonWriter& json) {
    json.key(f.section.key);
    if (f.value.info->form == Form::text) {
      json.string(f.value.text);
      pairs.emplace(f.section.key, std::string(f.value.text));
      return;
    }
    const NumbersView& n = f.value.numbers;
    const bool whole = !is_real(n.scalar);
    if (whole) {
      json.integer(n.integer(0));
    } else {
      write_python_real(json, n.real(0));
    }
    pairs.emplace(f.section.key, whole ? static_cast<double>(n.integer(0)) : n.real(0));
  }

  static void put_data(const RecordFields::Field& f, std::string& arrays, JsonWriter& json) {
    json.key(f.section.key);
    const NumbersView& n = f.value.numbers;
    if (f.value.info->form == Form::null) {
      json.null();
      return;
    }
    if (f.value.info->form == Form::text) {
      json.string(f.value.text);
      return;
    }
    const bool real = is_real(n.scalar);
    const auto shape = f.value.shape();
    if (shape.empty()) {
      if (real) {
        write_python_real(json, n.real(0));
      } else {
        json.integer(n.integer(0));
      }
      return;
    }
    json.begin_object().key("__ndarray__").begin_array().begin_array();
    for (const std::uint64_t d : shape) json.count(d);
    static constexpr std::pair<Scalar, const char*> kNames[] = {{Scalar::f32, "float32"}, {Scalar::f64, "float64"}, {Scalar::i32, "int32"}};
    const char* name = "int64";
    for (const auto& [scalar, text] : kNames) {
      if (scalar == n.scalar) name = text;
    }
    json.end_array().string(name).count(arrays.size()).end_array().end_object();
    for (std::uint64_t i = 0; i < n.count; ++i) {
      if (n.scalar == Scalar::f32) append(arrays, static_cast<float>(n.real(i)));
      if (n.scalar == Scalar::f64) append(arrays, n.real(i));
      if (n.scalar == Scalar::i32) append(arrays, static_cast<std::int32_t>(n.integer(i)));
      if (n.scalar == Scalar::i64 || n.scalar == Scalar::boolean) append(arrays, n.integer(i));
    }
  }

  void insert_pairs(const Pairs& pairs, std::int64_t id) const {
    for (const auto& [key, value] : pairs) {
      text(keys_, 1, key);
      integer(keys_, 2, id);
      step(keys_);
      const bool is_text = std::holds_alternative<std::string>(value);
      sqlite3_stmt* const s = is_text ? texts_ : numbers_;
      text(s, 1, key);
      if (is_text) {
        text(s, 2, std::get<std::string>(value));
      } else {
        real(s, 2, std::get<double>(value));
      }
      integer(s, 3, id);
      step(s);
    }
  }

  std::string path_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt *row_ = nullptr, *species_ = nullptr, *keys_ = nullptr, *texts_ = nullptr, *numbers_ = nullptr;
  ExportOptions options_;
  RecordedTypes types_;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<RecordExporter> export_ase_db(const std::string& path, const ExportOptions& options) {
  return std::make_unique<AseDbExporter>(path, options);
}

}  // namespace atp

#endif

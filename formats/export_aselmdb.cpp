// Records as ASE's LMDB files (.aselmdb), as ase-db-backends writes them: zlib-compressed JSON rows under whole numbers.
#include "formats/exporters.h"

#ifdef ATP_HAVE_LMDB

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/statvfs.h>
#include <zlib.h>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "formats/ase_row.h"
#include "formats/export_ase_row.h"
#include "formats/shortest.h"

namespace atp {
namespace {

// Between two commits; the map has room for them.
constexpr std::uint64_t kLittleRoom = std::uint64_t{1} << 20;
constexpr std::uint64_t kTransactionBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kTransactionRows = 4096;

std::string deflated(std::string_view text) {
  std::string out(::compressBound(text.size()), '\0');
  uLongf size = out.size();
  if (::compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()) != Z_OK) throw std::bad_alloc();
  out.resize(size);
  return out;
}

// {"__ndarray__": [shape, dtype, values]}
void write_array(JsonWriter& json, std::span<const std::uint64_t> shape, std::string_view dtype, std::string_view values) {
  json.begin_object().key("__ndarray__").begin_array().begin_array();
  for (const std::uint64_t d : shape) json.count(d);
  std::string list = "[";
  list += values;
  list += ']';
  json.end_array().string(dtype).raw(list).end_array().end_object();
}

std::string_view dtype_of(Scalar s) {
  switch (s) {
    case Scalar::f32: return "float32";
    case Scalar::f64: return "float64";
    case Scalar::i32: return "int32";
    case Scalar::boolean: return "bool";
    default: return "int64";
  }
}

void write_array(JsonWriter& json, std::span<const std::uint64_t> shape, const NumbersView& n) {
  std::string values;
  for (std::uint64_t i = 0; i < n.count; ++i) {
    if (i > 0) values += ',';
    if (n.scalar == Scalar::boolean) {
      values += n.integer(i) != 0 ? "true" : "false";
    } else {
      append_number(values, n, i);
    }
  }
  write_array(json, shape, dtype_of(n.scalar), values);
}

class AseLmdbExporter : public RecordExporter {
 public:
  AseLmdbExporter(std::string path, const ExportOptions& options) : path_(std::move(path)), options_(options) {
    check(::mdb_env_create(&env_), "start");
    make_room(0);
    // The file is new and has another name until it is complete: nobody else needs a lock, or a sync before the last.
    check(::mdb_env_open(env_, path_.c_str(), MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0666), "open the file");
    begin();
    check(::mdb_dbi_open(txn_, nullptr, MDB_CREATE, &rows_), "open its database");
  }
  ~AseLmdbExporter() override {
    if (txn_ != nullptr) ::mdb_txn_abort(txn_);
    if (env_ != nullptr) ::mdb_env_close(env_);
  }

  void encode(const RecordView& record, std::uint64_t number, std::string& out) const override {
    const RecordFields fields(record);
    JsonWriter json;
    json.begin_object();
    write_atoms(json, record, fields, number);
    write_results(json, record, fields);
    write_properties(json, record, fields);
    json.key(kRecordedTypes).raw(types_of(fields));
    json.end_object();
    note_ase_limits(record, fields, options_);
    out += deflated(json.text());
  }

  void take(std::string_view encoded) override {
    if (encoded.size() >= UINT32_MAX) fail_input("", fmt::format("needs {} bytes as a row, and LMDB holds at most 4 GiB", encoded.size()));
    if (bytes_ + encoded.size() > kTransactionBytes || rows_in_transaction_ == kTransactionRows) {
      commit();
      make_room(encoded.size());
      begin();
    }
    put(std::to_string(next_), encoded);
    ++next_;
    bytes_ += encoded.size();
    ++rows_in_transaction_;
  }

  // No "metadata" and no "deleted_ids": readers take their absence for emptiness, and fairchem's before April 2025
  // counts entries to find the rows.
  void finish() override {
    put("nextid", deflated(std::to_string(next_)));
    commit();
    check(::mdb_env_sync(env_, 1), "sync");
    ::mdb_env_close(std::exchange(env_, nullptr));
  }

 private:
  void check(int code, const char* what) const {
    // LMDB calls a write that came short an I/O error.
    struct statvfs room = {};
    if (code == EIO && ::statvfs(path_.c_str(), &room) == 0 && room.f_bavail * room.f_frsize < kLittleRoom) code = ENOSPC;
    if (code == ENOSPC) fail_system(path_, "cannot write", code);
    if (code != 0) throw Error(Exit::system, path_, fmt::format("LMDB cannot {}: {}", what, ::mdb_strerror(code)));
  }
  void begin() { check(::mdb_txn_begin(env_, nullptr, 0, &txn_), "begin"); }
  void commit() {
    check(::mdb_txn_commit(std::exchange(txn_, nullptr)), "write");
    bytes_ = rows_in_transaction_ = 0;
  }
  void put(std::string name, std::string_view value) {
    MDB_val key{name.size(), name.data()}, data{value.size(), const_cast<char*>(value.data())};
    check(::mdb_put(txn_, rows_, &key, &data, 0), "write");
  }

  // The map is the most the file can become, and every reader maps as much: it grows with what is written. Between
  // transactions only. A row takes whole pages, and those it lies in are copied.
  void make_room(std::uint64_t next_bytes) {
    MDB_envinfo info = {};
    MDB_stat stat = {};
    if (next_ > 1) {
      check(::mdb_env_info(env_, &info), "look at its size");
      check(::mdb_env_stat(env_, &stat), "look at its size");
    }
    const std::uint64_t used = (info.me_last_pgno + 1) * std::max<std::uint64_t>(stat.ms_psize, 4096);
    const std::uint64_t needed = used + used / 2 + 2 * (kTransactionBytes + next_bytes) + kTransactionRows * 4 * 4096;
    check(::mdb_env_set_mapsize(env_, needed >> 20 << 20), "set its size");
  }

  void write_atoms(JsonWriter& json, const RecordView& record, const RecordFields& fields, std::uint64_t number) const {
    std::string list;
    for (const std::byte z : record.atomic_numbers()) {
      if (!list.empty()) list += ',';
      append_integer(list, std::to_integer<int>(z));
    }
    const std::uint64_t n[] = {fields.n_atoms, 3}, cell_shape[] = {3, 3}, pbc_shape[] = {3};
    json.key("numbers");
    write_array(json, std::span(n, 1), "int64", list);
    json.key("positions");
    write_array(json, n, record.positions());
    const std::string_view old_id = text_property(fields, "unique_id");
    json.key("unique_id").string(old_id.empty() ? ase_unique_id(as_text(record.positions_bytes()), number) : old_id);
    const auto pbc = record.pbc().value_or(std::array<bool, 3>{});
    json.key("pbc");
    write_array(json, pbc_shape, "bool", fmt::format("{},{},{}", pbc[0], pbc[1], pbc[2]));
    json.key("cell");
    if (const auto* cell = fields.builtin("cell")) {
      write_array(json, cell_shape, cell->value.numbers);
    } else {
      write_array(json, cell_shape, "float64", "0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0");
    }
    json.key("ctime").real(0).key("mtime").real(0).key("user").string(kAtpUser);
    if (const std::string fixed = ase_constraints(fields); !fixed.empty()) json.key("constraints").raw(fixed);
  }

  void write_results(JsonWriter& json, const RecordView& record, const RecordFields& fields) const {
    const auto energy = record.energy();
    const auto* forces = fields.builtin("forces");
    const auto stress = record.stress();
    const auto* charges = fields.builtin("charges");
    const std::string_view name = text_property(fields, "calculator"), parameters = text_property(fields, "calculator_parameters");
    if (energy || forces != nullptr || stress || !name.empty() || !parameters.empty()) {
      json.key("calculator").string(name.empty() ? "unknown" : name).key("calculator_parameters").raw(parameters.empty() ? "{}" : parameters);
    }
    if (energy) {
      json.key("energy");
      write_python_real(json, *energy);
    }
    const std::uint64_t shape[] = {fields.n_atoms, 3}, six[] = {6};
    if (forces != nullptr) {
      json.key("forces");
      write_array(json, shape, forces->value.numbers);
    }
    if (stress) {
      std::string values;
      for (const double x : voigt_of(*stress)) {
        if (!values.empty()) values += ',';
        append_real(values, x);
      }
      json.key("stress");
      write_array(json, six, "float64", values);
    }
    if (charges != nullptr) {
      json.key("charges");
      write_array(json, std::span(shape, 1), charges->value.numbers);
    }
  }

  // All properties, whose names could mean something else to a reader, and what the row's arrays do not say of builtins.
  static std::string types_of(const RecordFields& fields) {
    RecordedTypes types;
    for (const auto& f : fields.fields) {
      const BuiltinInfo* const builtin = f.section.kind == Kind::builtin ? builtin_info(f.section.key) : nullptr;
      if (builtin == nullptr || f.value.numbers.scalar == Scalar::f32) types.add(f.section, f.value);
    }
    return types.text();
  }

  // What ASE has a column for goes there, numbers and texts become key-value pairs, the rest data.
  static void write_properties(JsonWriter& json, const RecordView& record, const RecordFields& fields) {
    JsonWriter pairs, data;
    pairs.begin_object();
    data.begin_object();
    write_velocities(json, data, record, fields);
    if (const auto* stress = fields.builtin("stress"); stress != nullptr && !is_taken(fields, "stress") && !is_all_in_voigt(*record.stress())) {
      write_value(data.key("stress"), stress->value);
    }
    for (const auto& f : fields.fields) {
      const std::string_view key = f.section.key;
      const Form form = f.value.info->form;
      const bool builtin = f.section.kind == Kind::builtin;
      if (is_text_column(f) || is_said_by_constraints(f, fields) || (builtin && (key != "name" || is_taken(fields, key)))) continue;
      const bool frame = f.section.kind == Kind::molecule;
      const bool scalar = form == Form::scalar, real = f.value.numbers.scalar == Scalar::f32 || f.value.numbers.scalar == Scalar::f64;
      const bool column = has_own_ase_column(f, fields) || (frame && scalar && real && (key == "free_energy" || key == "magmom")) ||
                          (frame && key == "dipole" && form == Form::array && real && f.value.numbers.count == 3);
      const bool pair = !column && f.section.kind != Kind::atom && is_ase_pair_name(key) && (scalar || form == Form::text);
      write_value((column ? json : pair ? pairs : data).key(key), f.value);
    }
    json.key("key_value_pairs").raw(pairs.end_object().text()).key("data").raw(data.end_object().text());
  }

  // As momenta, as ASE has them; and as they are where the momenta do not give all their digits again.
  static void write_velocities(JsonWriter& json, JsonWriter& data, const RecordView& record, const RecordFields& fields) {
    const auto* velocities = fields.builtin("velocities");
    if (velocities == nullptr) return;
    const auto momenta = ase_momenta(record, fields);
    const bool free = !is_taken(fields, "momenta");
    if (momenta && free) {
      std::string list;
      for (const double x : momenta->values) {
        if (!list.empty()) list += ',';
        append_real(list, x);
      }
      const std::uint64_t shape[] = {fields.n_atoms, 3};
      json.key("momenta");
      write_array(json, shape, "float64", list);
    }
    if ((!momenta || !free || !momenta->exact) && !is_taken(fields, "velocities")) write_value(data.key("velocities"), velocities->value);
  }

  static void write_value(JsonWriter& json, const ValueView& value) {
    const NumbersView& n = value.numbers;
    if (value.info->form == Form::null) {
      json.null();
    } else if (value.info->form == Form::text) {
      json.string(value.text);
    } else if (const auto shape = value.shape(); !shape.empty()) {
      write_array(json, shape, n);
    } else if (n.scalar == Scalar::f32 || n.scalar == Scalar::f64) {
      std::string text;
      append_number(text, n, 0);
      json.raw(text);
    } else {
      json.integer(n.integer(0));
    }
  }

  std::string path_;
  ExportOptions options_;
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi rows_ = 0;
  std::uint64_t next_ = 1, bytes_ = 0, rows_in_transaction_ = 0;
};

}  // namespace

std::unique_ptr<RecordExporter> export_aselmdb(const std::string& path, const ExportOptions& options) {
  return std::make_unique<AseLmdbExporter>(path, options);
}

}  // namespace atp

#endif

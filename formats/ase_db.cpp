#include "formats/ase_db.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "formats/ase_row.h"
#include "formats/excerpt.h"
#include "formats/frame_batch.h"

namespace atp {

namespace {

using Of = FrameValue::Of;

constexpr std::size_t kBatchBytes = std::size_t{512} << 10;  // what the processor's own memory holds while rows become structures
constexpr std::size_t kBatchRows = 4096;
constexpr int kLongestValue = 1 << 30;

// The columns that are read, in the order of the SELECT. What a blob's numbers are; `per_atom`
// numbers an atom, or `fixed` in all.
enum class Holds : std::uint8_t { ints, reals, text, integer, real, data };
struct Column {
  const char* name;
  Holds holds;
  std::uint8_t per_atom, fixed;
};
constexpr Column kColumns[] = {
    {"numbers", Holds::ints, 1, 0},         {"positions", Holds::reals, 3, 0},
    {"cell", Holds::reals, 0, 9},           {"pbc", Holds::integer, 0, 0},
    {"initial_magmoms", Holds::reals, 1, 0}, {"initial_charges", Holds::reals, 1, 0},
    {"masses", Holds::reals, 1, 0},         {"tags", Holds::ints, 1, 0},
    {"momenta", Holds::reals, 3, 0},        {"constraints", Holds::text, 0, 0},
    {"calculator", Holds::text, 0, 0},      {"calculator_parameters", Holds::text, 0, 0},
    {"energy", Holds::real, 0, 0},          {"free_energy", Holds::real, 0, 0},
    {"forces", Holds::reals, 3, 0},         {"stress", Holds::reals, 0, 6},
    {"dipole", Holds::reals, 0, 3},         {"magmoms", Holds::reals, 1, 0},
    {"magmom", Holds::real, 0, 0},          {"charges", Holds::reals, 1, 0},
    {"unique_id", Holds::text, 0, 0},       {"key_value_pairs", Holds::text, 0, 0},
    {"data", Holds::data, 0, 0},
};
constexpr std::size_t kCount = std::size(kColumns);

// One value of a row: where it lies in the batch's bytes.
struct Cell {
  std::size_t begin = 0, size = 0;
  bool null = true, blob = false;
};
struct Row {
  std::int64_t id = 0;
  std::array<Cell, kCount> cells;
};
struct Rows {
  std::vector<std::byte> bytes;
  std::vector<Row> rows;
};

// ---- rows to structures -------------------------------------------------------------------------

class RowDecoder final : public FrameDecoder {
 public:
  RowDecoder(std::shared_ptr<const AseSettings> settings, std::shared_ptr<const Rows> rows)
      : settings_(std::move(settings)), rows_(std::move(rows)), row_(*settings_) {}

  void decode(std::uint64_t i, Structure& structure, FrameRemarks& remarks) override {
    const Row& row = rows_->rows[static_cast<std::size_t>(i)];
    try {
      read(row, structure, remarks);
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: row {}", settings_->name, row.id));
    }
  }

 private:
  Bytes bytes_of_cell(const Cell& c) const { return Bytes(rows_->bytes).subspan(c.begin, c.size); }

  void read(const Row& row, Structure& structure, FrameRemarks& remarks) {
    row_.begin();
    const std::size_t n = row.cells[0].size / 4;
    std::string_view pairs;
    for (std::size_t k = 0; k + 1 < kCount; ++k) {
      const Column& column = kColumns[k];
      const Cell& cell = row.cells[k];
      if (cell.null) continue;
      const Bytes bytes = bytes_of_cell(cell);
      if (std::string_view(column.name) == "key_value_pairs") {
        pairs = as_text(bytes);
      } else {
        row_.column(column.name, value_of(column, bytes, n));
      }
    }
    row_.key_value_pairs(pairs);
    if (const Cell& cell = row.cells[kCount - 1]; !cell.null) read_data(bytes_of_cell(cell), cell.blob);
    row_.finish(row.id, structure, remarks);
  }

  static FrameValue value_of(const Column& column, Bytes bytes, std::size_t n) {
    if (column.holds == Holds::text) return FrameValue::of_text(as_text(bytes));
    if (column.holds == Holds::integer) return FrameValue::array(Of::i64, {}, bytes);
    if (column.holds == Holds::real) return FrameValue::array(Of::f64, {}, bytes);
    const Of of = column.holds == Holds::ints ? Of::i32 : Of::f64;
    const std::uint64_t count = column.per_atom != 0 ? column.per_atom * n : column.fixed;
    if (bytes.size() != count * bytes_of(of)) {
      fail_input("", fmt::format("{} has {} bytes, {} atoms need {}", column.name, bytes.size(), n, count * bytes_of(of)));
    }
    const bool vectors = column.per_atom == 3;
    const std::uint64_t shape[2] = {vectors ? n : count, 3};
    return FrameValue::array(of, std::span(shape, vectors ? 2 : 1), bytes);
  }

  // Version 8: JSON text. Version 9: the offset of the JSON, arrays, JSON.
  void read_data(Bytes bytes, bool blob) {
    if (!blob) return row_.data(as_text(bytes), {});
    if (bytes.size() < 8) fail_input("", fmt::format("data has {} bytes, too few for its header", bytes.size()));
    const auto offset = load<std::uint64_t>(bytes.data());
    if (offset < 8 || offset > bytes.size()) fail_input("", fmt::format("data has its JSON at {} of {} bytes", offset, bytes.size()));
    row_.data(as_text(bytes.subspan(static_cast<std::size_t>(offset))), bytes.first(static_cast<std::size_t>(offset)));
  }

  std::shared_ptr<const AseSettings> settings_;
  std::shared_ptr<const Rows> rows_;
  AseRow row_;
};

// ---- the database -------------------------------------------------------------------------------

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Query = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// A path as the URI that SQLite takes.
std::string uri_of(const std::string& path, std::string_view how) {
  std::string out = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '/' || c == '-' || c == '_' || c == '.' || (static_cast<unsigned char>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c)) != 0)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out + std::string(how);
}

class AseDb final : public FormatReader {
 public:
  AseDb(const std::string& path, const ReadOptions& options) : path_(path), settings_(std::make_shared<AseSettings>(path, options)) {
    size_ = input_bytes(path).value_or(0);
    open("?mode=ro");
    const int code = sqlite3_exec(db_.get(), "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
    if ((code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_READONLY || (code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_PERM) reopen_unlocked();
    check_tables();
    read_information();
    begin();
  }

  std::unique_ptr<FrameBatch> next() override {
    if (!rows_) return nullptr;
    auto rows = std::make_shared<Rows>();
    rows->bytes.reserve(kBatchBytes + kBatchBytes / 8);
    while (rows_ && rows->bytes.size() < kBatchBytes && rows->rows.size() < kBatchRows) {
      if (step(rows_.get())) {
        take_row(*rows);
      } else {
        rows_.reset();  // another step would begin anew
      }
    }
    if (rows->rows.empty()) return nullptr;
    const std::uint64_t first = frames_;
    frames_ += rows->rows.size();
    taken_ += rows->bytes.size();
    auto settings = settings_;
    return std::make_unique<IndependentFrames>(first, frames_ - first, std::min(taken_, size_),
                                               [settings, rows] { return std::make_unique<RowDecoder>(settings, rows); });
  }

  InputState input_state() const override { return {rows_ ? std::min(taken_, size_) : size_, std::nullopt}; }

 private:
  [[noreturn]] void fail(std::string what, std::string fix = {}) const { fail_input(path_, std::move(what), std::move(fix)); }

  [[noreturn]] void fail_sqlite(int code) const {
    throw_if_interrupted();
    if ((code & 0xFF) == SQLITE_NOMEM) throw std::bad_alloc();
    const std::string what = fmt::format("SQLite cannot read it: {}", sqlite3_errmsg(db_.get()));
    if ((code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED) fail(what, "wait until nothing writes to it");
    fail(what, "the file may be damaged; sqlite3 FILE .recover saves what can be saved");
  }

  void open(std::string_view how) {
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(uri_of(path_, how).c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(db);
    if (code != SQLITE_OK) fail_sqlite(code);
    sqlite3_extended_result_codes(db, 1);
    // A file from anywhere: its schema may call nothing that has an effect, its pages are looked at before use.
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, kLongestValue);
    sqlite3_progress_handler(db, 10000, &AseDb::look_around, nullptr);
    sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=1099511627776", nullptr, nullptr, nullptr);
  }

  // Where no lock can be taken (a read-only folder): the file as it lies there. What a writer has in
  // its log beside it would be missing.
  void reopen_unlocked() {
    std::error_code error;
    const auto log = std::filesystem::file_size(path_ + "-wal", error);
    if (!error && log > 0) {
      fail("has a write-ahead log beside it that cannot be read here", "copy FILE and FILE-wal to a folder that you can write to");
    }
    open("?mode=ro&immutable=1");
  }

  // An exception must not pass through SQLite: it is thrown by whoever sees the statement stop.
  static int look_around(void*) {
    try {
      throw_if_interrupted();
    } catch (const Interrupted&) {
      return 1;
    }
    return 0;
  }

  Query prepare(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &statement, nullptr);
    if (code != SQLITE_OK) fail_sqlite(code);
    return Query(statement);
  }

  bool step(sqlite3_stmt* statement) const {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail_sqlite(code);
    return code == SQLITE_ROW;
  }

  static std::string_view text_at(sqlite3_stmt* s, int i) {
    const auto* p = static_cast<const char*>(sqlite3_column_blob(s, i));
    return p == nullptr ? std::string_view() : std::string_view(p, static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
  }

  // A view or virtual table of that name could do anything.
  void check_tables() const {
    const Query q = prepare("SELECT 1 FROM sqlite_schema WHERE name = 'systems' AND type = 'table' AND rootpage > 0");
    if (!step(q.get())) fail("is an SQLite database without ASE's table 'systems'", "export its frames with the program that made it");
  }

  void read_information() {
    const Query there = prepare("SELECT 1 FROM sqlite_schema WHERE name = 'information' AND type = 'table' AND rootpage > 0");
    if (!step(there.get())) return;
    const Query q = prepare("SELECT name, value FROM information");
    while (step(q.get())) {
      const std::string_view name = text_at(q.get(), 0), value = text_at(q.get(), 1);
      if (name == "version" && value.size() == 1 && value[0] < '5') fail(fmt::format("has ASE's schema version {}, atp reads 5 to 9", excerpt(value)), "rewrite it with a newer ASE");
      if (name == "version" && (value.size() != 1 || value[0] > '9' || value[0] < '0')) {
        fail(fmt::format("has ASE's schema version '{}', atp reads up to 9", excerpt(value)), "export it with the ASE that wrote it");
      }
      if (name != "metadata") continue;
      try {
        settings_->read_metadata(value);
      } catch (const Error& e) {
        throw e.within(path_ + ": metadata");
      }
    }
  }

  void begin() {
    std::vector<std::string> have;
    const Query columns = prepare("SELECT name FROM pragma_table_info('systems')");
    while (step(columns.get())) have.emplace_back(text_at(columns.get(), 0));
    std::string sql = "SELECT id";
    for (const Column& c : kColumns) {
      const bool there = std::ranges::find(have, c.name) != have.end();
      sql += there ? fmt::format(", {}", c.name) : ", NULL";
      if (!there && (&c - kColumns) < 2) fail(fmt::format("has a table 'systems' without the column {}, so it is not ASE's", c.name));
    }
    rows_ = prepare(sql + " FROM systems ORDER BY id");
  }

  void take_row(Rows& rows) const {
    sqlite3_stmt* s = rows_.get();
    Row row;
    row.id = sqlite3_column_int64(s, 0);
    for (std::size_t k = 0; k < kCount; ++k) {
      const int i = static_cast<int>(k) + 1;
      Cell& cell = row.cells[k];
      const int type = sqlite3_column_type(s, i);
      if (type == SQLITE_NULL) continue;
      cell.null = false;
      cell.blob = type == SQLITE_BLOB;
      cell.begin = rows.bytes.size();
      const Holds holds = kColumns[k].holds;
      if (holds == Holds::integer) {
        put(rows.bytes, sqlite3_column_int64(s, i));
      } else if (holds == Holds::real) {
        put(rows.bytes, sqlite3_column_double(s, i));
      } else {
        const auto* p = static_cast<const std::byte*>(sqlite3_column_blob(s, i));
        if (p != nullptr) rows.bytes.insert(rows.bytes.end(), p, p + sqlite3_column_bytes(s, i));
      }
      cell.size = rows.bytes.size() - cell.begin;
    }
    rows.rows.push_back(row);
  }

  template <class T>
  static void put(std::vector<std::byte>& out, T v) {
    const auto* p = reinterpret_cast<const std::byte*>(&v);
    out.insert(out.end(), p, p + sizeof v);
  }

  std::string path_;
  std::shared_ptr<AseSettings> settings_;
  Database db_;
  Query rows_;
  std::uint64_t size_ = 0, taken_ = 0, frames_ = 0;
};

}  // namespace

std::unique_ptr<FormatReader> open_ase_db(const std::string& path, const ReadOptions& options) {
  return std::make_unique<AseDb>(path, options);
}

}  // namespace atp

// Records as a NumPy archive, an array for each field; npz_records.h says what lies in it.
#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <set>

#include "core/base/json_writer.h"
#include "core/base/utf8.h"
#include "core/io/npy.h"
#include "formats/column_spool.h"
#include "formats/exporters.h"
#include "formats/npz_records.h"
#include "formats/zip_writer.h"

namespace atp {
namespace {

constexpr std::uint64_t kLongestFixedText = 256;  // code points; longer texts lie one after the other

std::string_view npy_type(Scalar s) {
  switch (s) {
    case Scalar::f32: return "<f4";
    case Scalar::f64: return "<f8";
    case Scalar::i32: return "<i4";
    case Scalar::i64: return "<i8";
    default: return "|b1";
  }
}

// The type that holds the numbers of both; nothing when there is none.
std::optional<Scalar> wider(Scalar a, Scalar b) {
  if (a == b) return a;
  const auto pair = [&](Scalar x, Scalar y) { return (a == x && b == y) || (a == y && b == x); };
  if (pair(Scalar::f32, Scalar::f64) || pair(Scalar::i32, Scalar::f64)) return Scalar::f64;
  if (pair(Scalar::i32, Scalar::i64)) return Scalar::i64;
  return std::nullopt;
}

Type type_with(Form form, Scalar scalar) {
  for (std::uint8_t code = 0; const TypeInfo* info = type_info(code); ++code) {
    if (info->form == form && info->scalar == scalar) return info->type;
  }
  return Type::null;
}

void append_number_of(std::vector<std::byte>& out, Scalar to, const NumbersView& n, std::uint64_t i) {
  const std::size_t at = out.size();
  out.resize(at + scalar_bytes(to));
  if (to == Scalar::f64) store(out.data() + at, n.real(i));
  if (to == Scalar::f32) store(out.data() + at, static_cast<float>(n.real(i)));
  if (to == Scalar::i64) store(out.data() + at, n.integer(i));
  if (to == Scalar::i32) store(out.data() + at, static_cast<std::int32_t>(n.integer(i)));
}

// What stands where a record has no value.
void append_filling(std::vector<std::byte>& out, Scalar type, std::uint64_t count) {
  const std::size_t at = out.size();
  out.resize(at + static_cast<std::size_t>(count * scalar_bytes(type)));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (type == Scalar::f64) store(out.data() + at + 8 * i, std::numeric_limits<double>::quiet_NaN());
    if (type == Scalar::f32) store(out.data() + at + 4 * i, std::numeric_limits<float>::quiet_NaN());
  }
}

std::string_view name_of(Kind kind) { return kind == Kind::builtin ? "builtin" : kind == Kind::atom ? "atom" : "molecule"; }

// Whether an array of that name would be another field's.
bool is_reserved(std::string_view key) {
  return key.empty() || key.find('\0') != std::string_view::npos || key == "positions" || key == "atomic_numbers" || key == kNpzOffsets || key == kNpzDescription ||
         builtin_info(key) != nullptr || key.ends_with(kNpzPresent) || key.ends_with(kNpzShapes) || key.ends_with(kNpzBegins);
}

struct NpzColumn {
  std::string name;
  std::string array;                      // where it lies; mostly its name
  Kind kind;
  Form form;
  Scalar scalar;
  std::uint64_t rank = 0;                 // of one record's value
  std::vector<std::uint64_t> shape;       // of the first value; of atoms without their number
  std::size_t values = 0, shapes = 0;     // columns of the spool; of texts, `shapes` are their bytes
  bool uniform = true;                    // all shapes equal the first, whatever the number of atoms
  std::vector<bool> present;              // a bit a record
  std::uint64_t there = 0;                // of them
  std::uint64_t longest = 0, bytes = 0, count = 0;  // of texts: code points, bytes; count: numbers
  bool fixed_text = true;                 // can be an array of NumPy texts

  // Its shapes are kept: they may differ from record to record.
  bool shaped() const { return form != Form::text && rank > 0 && (!of_atoms() || form == Form::tensor); }
  bool of_atoms() const { return kind == Kind::atom || (kind == Kind::builtin && builtin_info(name) != nullptr && builtin_info(name)->per_atom); }
};

class NpzExporter : public RecordExporter {
 public:
  NpzExporter(const std::string& path, const ExportOptions& options)
      : options_(options), file_(real_disk().open_existing(path)), spool_(path), positions_(spool_.add_column()), numbers_(spool_.add_column()), offsets_(spool_.add_column()) {
    append_offset();
  }

  // The record as the file has it: what is fast is left to take().
  void encode(const RecordView& record, std::uint64_t /*number*/, std::string& out) const override {
    record.check();
    out += static_cast<char>(record.positions_type());
    const std::uint32_t n = record.n_atoms();
    out.append(reinterpret_cast<const char*>(&n), sizeof n);
    out += as_text(record.positions_bytes());
    out += as_text(record.atomic_numbers());
    const auto sections = static_cast<std::uint16_t>(record.n_sections());
    out.append(reinterpret_cast<const char*>(&sections), sizeof sections);
    out += as_text(record.sections_bytes());
  }

  void take(std::string_view encoded) override {
    const RecordView record(as_bytes(encoded.substr(1)), static_cast<Type>(encoded[0]));
    const RecordFields fields(record);
    const Scalar scalar = type_info(record.positions_type()).scalar;
    positions_scalar_ = records_ == 0 ? scalar : *wider(positions_scalar_, scalar);
    spool_.append(positions_, scalar, record.positions_bytes());
    spool_.append(numbers_, Scalar::boolean, record.atomic_numbers());
    for (const auto& f : fields.fields) {
      if (f.value.info->form == Form::null) {
        options_.note(fmt::format("'{}' is empty (null) in some records and left out there", f.section.key));
      } else {
        add(column_of(f), f, fields.n_atoms);
      }
    }
    for (NpzColumn& c : columns_) {
      if (c.present.size() == records_) add_nothing(c, fields.n_atoms);
    }
    equal_ = equal_ && (records_ == 0 || fields.n_atoms == first_atoms_);
    if (records_ == 0) first_atoms_ = fields.n_atoms;
    ++records_;
    atoms_ += fields.n_atoms;
    append_offset();
  }

  void finish() override {
    ZipWriter zip(*file_);
    zip_ = &zip;
    write_atoms();
    for (NpzColumn& c : columns_) c.form == Form::text ? write_texts(c) : write_numbers(c);
    write_description();
    zip.finish();
    file_->sync_all();
  }

 private:
  // A property whose name is another array's, or none, has its kind before it, as molecule.stress.
  static std::string array_name(const SectionView& s, std::size_t number) {
    if (s.kind == Kind::builtin || !is_reserved(s.key)) return std::string(s.key);
    const bool nameless = s.key.empty() || s.key.find('\0') != std::string_view::npos;
    const std::string name = nameless ? fmt::format("field{}", number) : std::string(s.key);
    return fmt::format("{}.{}{}", name_of(s.kind), name, is_reserved("." + name) ? "_" : "");
  }

  void append_offset() { spool_.append(offsets_, Scalar::i64, std::as_bytes(std::span(&atoms_, 1))); }

  NpzColumn& column_of(const RecordFields::Field& f) {
    const auto [at, is_new] = by_name_.try_emplace({f.section.kind == Kind::builtin, std::string(f.section.key)}, columns_.size());
    if (is_new) {
      NpzColumn& c = columns_.emplace_back();
      c.name = f.section.key;
      c.array = array_name(f.section, columns_.size());
      c.kind = f.section.kind;
      c.form = f.value.info->form;
      c.scalar = f.value.info->scalar;
      c.shape = f.value.shape();
      if (c.of_atoms()) c.shape.erase(c.shape.begin());
      c.rank = c.shape.size();
      c.values = spool_.add_column();
      c.shapes = spool_.add_column();
      c.present.assign(records_, false);
      if (c.shaped()) {
        zeros_.assign(static_cast<std::size_t>(8 * (c.rank + c.of_atoms())), std::byte{});
        for (std::uint64_t i = 0; i < records_; ++i) spool_.append(c.shapes, Scalar::i64, zeros_);
      } else if (c.form == Form::text) {
        for (std::uint64_t i = 0; i < records_; ++i) append_length(c, 0);
      } else {
        spool_.append_missing(c.values, c.of_atoms() ? atoms_ * product(c.shape) : records_);
      }
    }
    NpzColumn& c = columns_[at->second];
    const std::string_view key = f.section.key;
    const auto both = c.form == f.value.info->form && c.kind == f.section.kind ? wider(c.scalar, f.value.info->scalar) : std::nullopt;
    if (!both) fail_input("", fmt::format("'{}' is {} here and something else in records before, and has to be one array", key, f.value.info->name), "leave it out with atp shard --drop first");
    c.scalar = *both;
    return c;
  }

  static std::uint64_t product(std::span<const std::uint64_t> shape) {
    std::uint64_t n = 1;
    for (const std::uint64_t d : shape) n *= d;
    return n;
  }

  void add(NpzColumn& c, const RecordFields::Field& f, std::uint64_t n_atoms) {
    c.present.push_back(true);
    ++c.there;
    if (c.form == Form::text) return add_text(c, f.value.text);
    const auto shape = f.value.shape();
    const auto own = std::span(shape).subspan(c.of_atoms() ? 1 : 0);
    if (own.size() != c.rank) fail_input("", fmt::format("'{}' has {} dimensions here and {} in records before", c.name, shape.size(), shape.size() - own.size() + c.rank), "leave it out with atp shard --drop first");
    const bool same = std::ranges::equal(own, c.shape);
    if (c.shaped()) {
      c.uniform = c.uniform && same;
      spool_.append(c.shapes, Scalar::i64, std::as_bytes(std::span(shape)));
    } else if (!same && n_atoms > 0) {
      fail_input("", fmt::format("'{}' has other numbers for each atom than in records before", c.name), "leave it out with atp shard --drop first");
    }
    const NumbersView& n = f.value.numbers;
    c.count += n.count;
    spool_.append(c.values, n.scalar, {n.data, static_cast<std::size_t>(n.count * scalar_bytes(n.scalar))});
  }

  void add_text(NpzColumn& c, std::string_view text) {
    std::uint64_t points = 0;
    for (std::size_t pos = 0; pos < text.size(); ++points) {
      if (!next_code_point(text, pos)) c.fixed_text = false;
    }
    // NumPy drops zeros at the end.
    if (!text.empty() && text.back() == '\0') c.fixed_text = false;
    c.longest = std::max(c.longest, points);
    c.bytes += text.size();
    spool_.append(c.values, Scalar::boolean, as_bytes(text));
    append_length(c, text.size());
  }

  void append_length(const NpzColumn& c, std::uint64_t length) { spool_.append(c.shapes, Scalar::i64, std::as_bytes(std::span(&length, 1))); }

  void add_nothing(NpzColumn& c, std::uint64_t n_atoms) {
    c.present.push_back(false);
    if (c.form == Form::text) return append_length(c, 0);
    if (c.shaped()) {
      zeros_.assign(static_cast<std::size_t>(8 * (c.rank + c.of_atoms())), std::byte{});
      return spool_.append(c.shapes, Scalar::i64, zeros_);
    }
    filling_.clear();
    append_filling(filling_, c.scalar, c.of_atoms() ? n_atoms * product(c.shape) : 1);
    spool_.append(c.values, c.scalar, filling_);
  }

  // ---- the archive --------------------------------------------------------------------------------

  void begin_array(std::string_view name, std::string_view type, std::span<const std::uint64_t> shape, std::uint64_t item_bytes) {
    if (!names_.insert(std::string(name)).second) throw Error(Exit::input, "", fmt::format("two arrays would be named '{}'", name), "leave one out with atp shard --drop first");
    const std::string header = npy_header(type, shape);
    zip_->begin(fmt::format("{}.npy", name), header.size() + product(shape) * item_bytes);
    zip_->write(as_bytes(header));
  }

  // A column of the spool, all in one type.
  void write_values(std::size_t column, Scalar type) {
    std::vector<std::byte> out;
    spool_.for_each(column, [&](const ColumnSpool::Piece& piece) {
      if (piece.missing > 0) {
        for (std::uint64_t done = 0; done < piece.missing;) {
          const std::uint64_t now = std::min<std::uint64_t>(piece.missing - done, 65536);
          out.clear();
          append_filling(out, type, now);
          zip_->write(out);
          done += now;
        }
      } else {
        zip_->write(converted(piece, type, out));
      }
    });
    zip_->end();
  }

  static Bytes converted(const ColumnSpool::Piece& piece, Scalar type, std::vector<std::byte>& out) {
    if (piece.type == type) return piece.values;
    const NumbersView n{piece.type, piece.values.size() / scalar_bytes(piece.type), piece.values.data()};
    out.clear();
    out.reserve(static_cast<std::size_t>(n.count * scalar_bytes(type)));
    for (std::uint64_t i = 0; i < n.count; ++i) append_number_of(out, type, n, i);
    return out;
  }

  // [records, atoms, ...] when all records have the same number of atoms, else [all atoms, ...].
  std::vector<std::uint64_t> atoms_shape(std::span<const std::uint64_t> rest) const {
    std::vector<std::uint64_t> shape;
    if (equal_) {
      shape = {records_, first_atoms_};
    } else {
      shape = {atoms_};
    }
    shape.insert(shape.end(), rest.begin(), rest.end());
    return shape;
  }

  void write_atoms() {
    const std::uint64_t three[] = {3}, begins[] = {records_ + 1};
    begin_array("positions", npy_type(positions_scalar_), atoms_shape(three), scalar_bytes(positions_scalar_));
    write_values(positions_, positions_scalar_);
    begin_array("atomic_numbers", "|u1", atoms_shape({}), 1);
    write_values(numbers_, Scalar::boolean);
    if (equal_) return;
    begin_array(kNpzOffsets, "<i8", begins, 8);
    write_values(offsets_, Scalar::i64);
  }

  void write_present(const NpzColumn& c) {
    if (c.there == records_) return;
    const std::uint64_t shape[] = {records_};
    begin_array(fmt::format("{}{}", c.array, kNpzPresent), "|b1", shape, 1);
    std::vector<std::byte> bytes;
    for (std::uint64_t i = 0; i < records_; ++i) {
      bytes.push_back(std::byte{c.present[i]});
      if (bytes.size() == 65536 || i + 1 == records_) {
        zip_->write(bytes);
        bytes.clear();
      }
    }
    zip_->end();
  }

  void write_numbers(const NpzColumn& c) {
    const std::uint64_t item = scalar_bytes(c.scalar);
    write_present(c);
    if (!c.shaped()) {
      const std::uint64_t records[] = {records_};
      begin_array(c.array, npy_type(c.scalar), c.of_atoms() ? atoms_shape(c.shape) : std::vector<std::uint64_t>(records, records + 1), item);
      return write_values(c.values, c.scalar);
    }
    if (c.uniform) {
      std::vector<std::uint64_t> shape = {records_};
      shape.insert(shape.end(), c.shape.begin(), c.shape.end());
      if (c.of_atoms()) shape = atoms_shape(c.shape);
      begin_array(c.array, npy_type(c.scalar), shape, item);
      return c.there == records_ ? write_values(c.values, c.scalar) : write_with_gaps(c);
    }
    const std::uint64_t all[] = {c.count}, shapes[] = {records_, c.rank + c.of_atoms()};
    begin_array(c.array, npy_type(c.scalar), all, item);
    write_values(c.values, c.scalar);
    begin_array(fmt::format("{}{}", c.array, kNpzShapes), "<i8", shapes, 8);
    write_values(c.shapes, Scalar::i64);
    write_begins(c, c.rank + c.of_atoms());
  }

  // Values of equal shape, with filling where a record has none.
  void write_with_gaps(const NpzColumn& c) {
    const std::uint64_t row = product(c.shape);
    const std::vector<std::uint64_t> offsets = c.of_atoms() && !equal_ ? all_of(offsets_) : std::vector<std::uint64_t>();
    const auto values_of = [&](std::uint64_t record) {
      return row * (!c.of_atoms() ? 1 : equal_ ? first_atoms_ : offsets[record + 1] - offsets[record]);
    };
    std::vector<std::byte> filling, out;
    std::uint64_t at = 0;  // the record
    std::vector<std::byte> rest;
    const auto gaps = [&] {
      for (; at < records_ && !c.present[at]; ++at) {
        filling.clear();
        append_filling(filling, c.scalar, values_of(at));
        zip_->write(filling);
      }
    };
    spool_.for_each(c.values, [&](const ColumnSpool::Piece& piece) {
      const Bytes values = converted(piece, c.scalar, out);
      rest.insert(rest.end(), values.begin(), values.end());
      std::size_t done = 0;
      for (gaps(); at < records_; ++at, gaps()) {
        const auto bytes = static_cast<std::size_t>(values_of(at) * scalar_bytes(c.scalar));
        if (rest.size() - done < bytes || (bytes == 0 && rest.size() == done)) break;
        zip_->write(Bytes(rest).subspan(done, bytes));
        done += bytes;
      }
      rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(done));
    });
    for (gaps(); at < records_; ++at) gaps();  // those without an atom
    zip_->end();
  }

  // The numbers of a column of whole numbers.
  std::vector<std::uint64_t> all_of(std::size_t column) {
    std::vector<std::uint64_t> out;
    spool_.for_each(column, [&](const ColumnSpool::Piece& piece) {
      for (std::size_t i = 0; i + 8 <= piece.values.size(); i += 8) out.push_back(load<std::uint64_t>(piece.values.data() + i));
    });
    return out;
  }

  // Where each record's part begins, from `width` numbers a record whose product is its length.
  void write_begins(const NpzColumn& c, std::uint64_t width) {
    const std::uint64_t shape[] = {records_ + 1};
    begin_array(fmt::format("{}{}", c.array, kNpzBegins), "<i8", shape, 8);
    std::uint64_t begin = 0, length = 1, seen = 0;
    zip_->write(std::as_bytes(std::span(&begin, 1)));
    std::vector<std::uint64_t> out;
    spool_.for_each(c.shapes, [&](const ColumnSpool::Piece& piece) {
      out.clear();
      for (std::size_t i = 0; i + 8 <= piece.values.size(); i += 8) {
        length *= load<std::uint64_t>(piece.values.data() + i);
        if (++seen % width != 0) continue;
        begin += length;
        length = 1;
        out.push_back(begin);
      }
      zip_->write(std::as_bytes(std::span(out)));
    });
    zip_->end();
  }

  void write_texts(const NpzColumn& c) {
    write_present(c);
    if (!c.fixed_text || c.longest > kLongestFixedText) {
      const std::uint64_t all[] = {c.bytes};
      begin_array(c.array, "|u1", all, 1);
      write_values(c.values, Scalar::boolean);
      return write_begins(c, 1);
    }
    const std::uint64_t width = std::max<std::uint64_t>(c.longest, 1);
    const std::uint64_t records[] = {records_};
    begin_array(c.array, fmt::format("<U{}", width), records, 4 * width);
    // The texts wait for their lengths, which are few bytes in comparison.
    const std::vector<std::uint64_t> all_lengths = all_of(c.shapes);
    std::deque<std::uint64_t> lengths(all_lengths.begin(), all_lengths.end());
    std::string rest;
    std::vector<std::byte> out;
    const auto write_whole = [&] {
      std::size_t done = 0;
      out.clear();
      for (; !lengths.empty() && rest.size() - done >= lengths.front(); lengths.pop_front()) {
        append_utf32(out, std::string_view(rest).substr(done, static_cast<std::size_t>(lengths.front())), width);
        done += static_cast<std::size_t>(lengths.front());
        if (out.size() > 65536) zip_->write(out), out.clear();
      }
      zip_->write(out);
      rest.erase(0, done);
    };
    spool_.for_each(c.values, [&](const ColumnSpool::Piece& piece) {
      rest += as_text(piece.values);
      write_whole();
    });
    write_whole();
    zip_->end();
  }

  static void append_utf32(std::vector<std::byte>& out, std::string_view text, std::uint64_t width) {
    std::size_t at = out.size();
    out.resize(at + static_cast<std::size_t>(4 * width));
    for (std::size_t pos = 0; pos < text.size(); at += 4) store(out.data() + at, static_cast<std::uint32_t>(next_code_point(text, pos).value_or(U'\uFFFD')));
  }

  void write_description() {
    JsonWriter json;
    json.begin_object().key("layout").count(1).key("units").begin_object().key("length").string("Ang").key("energy").string("eV").key("charge").string("e").end_object();
    json.key("fields").begin_array();
    for (const NpzColumn& c : columns_) {
      json.begin_object().key("name").string(c.name).key("kind").string(name_of(c.kind)).key("type").string(type_info(type_with(c.form, c.scalar)).name);
      if (c.array != c.name) json.key("array").string(c.array);
      json.end_object();
    }
    const std::string text = json.end_array().end_object().take();
    std::vector<std::byte> out;
    append_utf32(out, text, text.size());
    begin_array(kNpzDescription, fmt::format("<U{}", text.size()), {}, out.size());
    zip_->write(out);
    zip_->end();
  }

  ExportOptions options_;
  std::unique_ptr<OutputFile> file_;
  ColumnSpool spool_;
  std::size_t positions_, numbers_, offsets_;
  Scalar positions_scalar_ = Scalar::f64;
  std::deque<NpzColumn> columns_;
  std::map<std::pair<bool, std::string>, std::size_t> by_name_;  // builtins have names of their own
  std::vector<std::byte> zeros_, filling_;
  std::set<std::string, std::less<>> names_;
  ZipWriter* zip_ = nullptr;
  std::uint64_t records_ = 0, atoms_ = 0, first_atoms_ = 0;
  bool equal_ = true;
};

}  // namespace

std::unique_ptr<RecordExporter> export_npz(const std::string& path, const ExportOptions& options) {
  return std::make_unique<NpzExporter>(path, options);
}

}  // namespace atp

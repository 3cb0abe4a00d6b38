// Records as extended XYZ that ASE reads and `atp pack` reads back as they were.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/json_writer.h"
#include "formats/export_ase_row.h"
#include "formats/exporters.h"
#include "formats/extxyz_comment.h"
#include "formats/field_rules.h"
#include "formats/move_mask.h"
#include "formats/shortest.h"

namespace atp {
namespace {

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/' || c == '+';
  });
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// Whether the text, in quotes, is read as this text and not as numbers, logicals or JSON. After `key=""` ASE takes the
// next key for the value.
bool reads_as_text(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return false;
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return !text.empty();
  static constexpr std::string_view kSuspect = ",0123456789+-.TtFfNnIi_";
  if (kSuspect.find(text[first]) == std::string_view::npos) return true;
  std::string line = "k=";
  append_quoted(line, text);
  Comment comment;
  comment.parse(line);
  const CommentEntry* entry = comment.find("k");
  return entry->value.content == CommentValue::Content::text && entry->value.rank == 0 && entry->raw == text;
}

void append_text(std::string& out, std::string_view text) {
  if (!reads_as_text(text)) {
    JsonWriter json;
    json.string(text);
    append_quoted(out, "_JSON " + json.text());
  } else if (is_plain_word(text)) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

void append_key(std::string& out, std::string_view key) {
  if (key.empty()) fail_input("", "a property has no name, which extended XYZ cannot hold");
  for (const char c : key) {
    if (static_cast<unsigned char>(c) < 0x20) fail_input("", "the name of a property holds a control character, which extended XYZ cannot hold");
  }
  const bool bare = key.find_first_of(" =\"'{}[],\\") == std::string_view::npos;
  if (bare) {
    out += key;
  } else {
    append_quoted(out, key);
  }
}

// Nested JSON lists of the given shape.
void append_nested(std::string& out, std::span<const std::uint64_t> shape, const NumbersView& numbers, std::uint64_t& at) {
  out += '[';
  for (std::uint64_t i = 0; i < shape[0]; ++i) {
    if (i > 0) out += ", ";
    if (shape.size() > 1) {
      append_nested(out, shape.subspan(1), numbers, at);
    } else {
      append_number(out, numbers, at++);
    }
  }
  out += ']';
}

void append_list(std::string& out, const ValueView& value) {
  const auto shape = value.shape();
  if (shape.empty()) return append_number(out, value.numbers, 0);
  std::uint64_t at = 0;
  if (shape.size() > 1 || shape[0] < 2) {
    if (shape.size() > CommentValue::kMostDimensions) fail_input("", fmt::format("an array has {} dimensions, extended XYZ takes {}", shape.size(), CommentValue::kMostDimensions));
    out += "\"_JSON ";
    append_nested(out, shape, value.numbers, at);
    out += '"';
    return;
  }
  out += '"';
  for (; at < shape[0]; ++at) {
    if (at > 0) out += ' ';
    append_number(out, value.numbers, at);
  }
  out += '"';
}

struct Column {
  std::string_view name;
  NumbersView numbers;
  std::uint64_t width;
  std::uint64_t given = 0;  // numbers an atom has in `numbers`, where that is more: equal ones
  bool logical = false;

  std::uint64_t at(std::uint64_t atom, std::uint64_t i) const { return (given != 0 ? given : width) * atom + i; }
};

// What `atp pack` makes of a property of its own accord; the type as it is when that is the same.
Type type_read_back(const RecordFields::Field& f, std::uint64_t width) {
  const TypeInfo& info = *f.value.info;
  const bool real = info.scalar == Scalar::f32 || info.scalar == Scalar::f64;
  const bool of_atoms = f.section.kind == Kind::atom;
  if (info.form == Form::text || (info.form == Form::scalar && !of_atoms)) return info.type;
  const auto shape = f.value.shape();
  const std::uint64_t rank = of_atoms ? (width == 1 ? 1 : 2) : shape.size();
  const std::uint64_t last = of_atoms ? width : rank == 0 ? 1 : shape.back();
  if (rank == 0) return real ? Type::f64 : Type::i64;
  if (!of_atoms && f.value.numbers.count == 0) return Type::tensor_i64;
  if (rank == 1) return real ? Type::f64_array : Type::i64_array;
  return real && rank == 2 && last == 3 ? Type::vec3_f64 : real ? Type::tensor_f64 : Type::tensor_i64;
}

// One record after the other. Immutable but for what it says to the user, so any thread.
class ExtxyzExporter : public RecordExporter {
 public:
  explicit ExtxyzExporter(const ExportOptions& options) : options_(options) {}

  void encode(const RecordView& record, std::uint64_t /*number*/, std::string& out) const override {
    const RecordFields fields(record);
    std::vector<Column> columns = columns_of(fields);
    const auto momenta = is_taken(fields, "momenta") ? std::nullopt : ase_momenta(record, fields);
    put_velocities(fields, momenta, columns);
    note_changes(fields);
    append_integer(out, fields.n_atoms);
    out += '\n';
    append_comment(out, fields, columns);
    out += '\n';
    append_atoms(out, record, columns);
  }
  void take(std::string_view) override {}
  void finish() override {}

 private:
  std::string_view key_of(std::string_view builtin) const {
    if (options_.keys == KeyStyle::ase) return builtin;
    if (builtin == "energy") return "REF_energy";
    if (builtin == "forces") return "REF_forces";
    if (builtin == "stress") return "REF_stress";
    if (builtin == "charges") return "REF_charges";
    return builtin;
  }

  [[noreturn]] static void fail_column(std::string_view name, std::string_view why) {
    fail_input("", fmt::format("the column '{}' {}", name, why), "leave it out with atp shard --drop first");
  }

  std::vector<Column> columns_of(const RecordFields& fields) const {
    std::vector<Column> columns;
    for (const char* key : {"forces", "charges"}) {
      const auto* f = fields.builtin(key);
      if (f != nullptr) columns.push_back({key_of(key), f->value.numbers, fields.width(f->section, f->value)});
    }
    for (const auto& f : fields.fields) {
      if (f.section.kind != Kind::atom) continue;
      const std::string_view name = f.section.key;
      if (f.value.info->form == Form::null || f.value.info->form == Form::text) {
        options_.note(fmt::format("'{}' has no numbers and is left out", name));
        continue;
      }
      const std::uint64_t width = fields.width(f.section, f.value);
      if (width == 0) fail_column(name, "has no numbers in its rows");
      if (name.empty() || name.find_first_of(": =\"\\\t\n\r") != std::string_view::npos) fail_column(name, "has a name that extended XYZ cannot hold");
      if (name == "species" || name == "pos") fail_column(name, "has the name of what extended XYZ puts there");
      for (const Column& c : columns) {
        if (c.name == name) fail_column(name, "has the name under which another field is written");
      }
      columns.push_back({name, f.value.numbers, width});
      if (name == "move_mask") settle_mask(columns.back());
    }
    return columns;
  }

  // As ASE writes and reads them: one logical for an atom that may move or not, three where directions differ.
  static void settle_mask(Column& c) {
    if (c.numbers.count == 0 || (c.width != 1 && c.width != 3)) return;
    bool same = true;
    for (std::uint64_t i = 0; i < c.numbers.count; ++i) {
      const std::int64_t v = c.numbers.scalar == Scalar::i32 || c.numbers.scalar == Scalar::i64 ? c.numbers.integer(i) : 2;
      if (v != 0 && v != 1) return;
      same = same && v == c.numbers.integer(i / c.width * c.width);
    }
    c.logical = true;
    if (!same) return;
    c.given = c.width;
    c.width = 1;
  }

  // As momenta, which ASE reads, and as they are where momenta do not give their last digit again.
  void put_velocities(const RecordFields& fields, const std::optional<AseMomenta>& momenta, std::vector<Column>& columns) const {
    const auto* velocities = fields.builtin("velocities");
    if (velocities == nullptr) return;
    const auto free = [&](std::string_view name) {
      return std::ranges::find(columns, name, &Column::name) == columns.end() && !is_taken(fields, name);
    };
    if (momenta) {
      if (!free("momenta")) fail_column("momenta", "has the name under which another field is written");
      columns.push_back({"momenta", {Scalar::f64, momenta->values.size(), reinterpret_cast<const std::byte*>(momenta->values.data())}, 3});
    }
    if (momenta && momenta->exact) return;
    if (!free("velocities")) fail_column("velocities", "has the name under which another field is written");
    columns.push_back({"velocities", velocities->value.numbers, 3});
  }

  // What `atp pack` will not find as it is here.
  void note_changes(const RecordFields& fields) const {
    if (fields.builtin("pbc") == nullptr) options_.note("some records do not say whether they are periodic: readers take those with a cell as periodic");
    static const FieldRules rules{ReadOptions{}};
    for (const auto& f : fields.fields) {
      if (f.section.kind == Kind::molecule && f.section.key == kMaskAxes) {
        options_.note("move_mask of some records is along lattice vectors (move_mask_axes=lattice); ASE takes it as along x, y and z");
      }
      const std::string_view name = f.section.key;
      const bool narrow = f.section.type == Type::f32 || f.section.type == Type::mat3_f32 || f.section.type == Type::f32_array;
      if (f.section.kind == Kind::builtin && narrow) {
        options_.note(fmt::format("'{}' is f32 and is read back as f64 of the same digits, unless --dtype f32 says otherwise", name));
      }
      if (f.section.kind == Kind::builtin || f.value.info->form == Form::null || (f.section.kind == Kind::atom && f.value.info->form == Form::text)) continue;
      const std::uint64_t width = f.section.kind == Kind::atom ? fields.width(f.section, f.value) : 0;
      const Type back = name == "move_mask" && f.section.kind == Kind::atom ? Type::tensor_i32 : type_read_back(f, width);
      const auto claim = f.section.kind == Kind::atom ? rules.of_atom_array(name, type_info(back).scalar == Scalar::f64, width) : rules.of_frame_value(name);
      if (claim && fields.builtin(field_name(claim->field)) == nullptr) {
        options_.note(fmt::format("'{}' is read by its name as the {}, unless --map {}=none says otherwise", name, field_name(claim->field), field_name(claim->field)));
      }
      const bool flat = f.section.kind == Kind::atom && f.value.shape().size() > 2;
      if (back == f.section.type && !flat) continue;
      options_.note(fmt::format("'{}' is {} and is read back as {}{}, which is what extended XYZ can say", name, type_info(f.section.type).name, flat ? "rows of " : "",
                                type_info(back).name));
    }
  }

  void append_matrix(std::string& out, const NumbersView& m, bool columns_first) const {
    out += '"';
    for (std::uint64_t i = 0; i < 9; ++i) {
      if (i > 0) out += ' ';
      append_number(out, m, columns_first ? 3 * (i % 3) + i / 3 : i);
    }
    out += '"';
  }

  void append_comment(std::string& out, const RecordFields& fields, const std::vector<Column>& columns) const {
    const auto* cell = fields.builtin("cell");
    if (cell != nullptr) {
      out += "Lattice=";
      append_matrix(out, cell->value.numbers, false);
      out += ' ';
    }
    if (const auto* pbc = fields.builtin("pbc")) {
      out += "pbc=\"";
      for (std::uint64_t i = 0; i < 3; ++i) out += pbc->value.numbers.integer(i) != 0 ? (i < 2 ? "T " : "T\" ") : (i < 2 ? "F " : "F\" ");
    }
    out += "Properties=species:S:1:pos:R:3";
    const bool quoted = std::any_of(columns.begin(), columns.end(), [](const Column& c) { return !is_plain_word(c.name); });
    if (quoted) out.insert(out.size() - std::string_view("species:S:1:pos:R:3").size(), 1, '"');
    for (const Column& c : columns) {
      const bool real = c.numbers.scalar == Scalar::f32 || c.numbers.scalar == Scalar::f64;
      fmt::format_to(std::back_inserter(out), ":{}:{}:{}", c.name, c.logical ? 'L' : real ? 'R' : 'I', c.width);
    }
    if (quoted) out += '"';
    if (const auto* energy = fields.builtin("energy")) {
      fmt::format_to(std::back_inserter(out), " {}=", key_of("energy"));
      append_number(out, energy->value.numbers, 0);
    }
    if (const auto* stress = fields.builtin("stress")) {
      fmt::format_to(std::back_inserter(out), " {}=", key_of("stress"));
      append_matrix(out, stress->value.numbers, true);
    }
    if (const auto* name = fields.builtin("name")) {
      out += " name=";
      append_text(out, name->value.text);
    }
    append_properties(out, fields, columns);
  }

  void append_properties(std::string& out, const RecordFields& fields, const std::vector<Column>& columns) const {
    for (const auto& f : fields.fields) {
      if (f.section.kind != Kind::molecule) continue;
      const std::string_view key = f.section.key;
      if (f.value.info->form == Form::null) {
        options_.note(fmt::format("'{}' is empty (null) in some records and left out there", key));
        continue;
      }
      const bool taken = key == "Lattice" || key == "Properties" || key == "pbc" || (key == "name" && fields.builtin("name") != nullptr) ||
                         (key == key_of("energy") && fields.builtin("energy") != nullptr) ||
                         (key == key_of("stress") && fields.builtin("stress") != nullptr) ||
                         std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return c.name == key; });
      if (taken) fail_input("", fmt::format("the property '{}' has the name under which another field is written", key), "leave it out with atp shard --drop first");
      out += ' ';
      append_key(out, key);
      out += '=';
      if (f.value.info->form == Form::text) {
        append_text(out, f.value.text);
      } else {
        append_list(out, f.value);
      }
    }
  }

  void append_atoms(std::string& out, const RecordView& record, const std::vector<Column>& columns) const {
    const NumbersView positions = record.positions();
    for (std::uint64_t atom = 0; atom < record.n_atoms(); ++atom) {
      out += symbol_of(record.atomic_numbers()[atom]);
      for (std::uint64_t i = 0; i < 3; ++i) {
        out += ' ';
        append_number(out, positions, 3 * atom + i);
      }
      for (const Column& c : columns) {
        for (std::uint64_t i = 0; i < c.width; ++i) {
          out += ' ';
          if (c.logical) {
            out += c.numbers.integer(c.at(atom, i)) != 0 ? 'T' : 'F';
          } else {
            append_number(out, c.numbers, c.at(atom, i));
          }
        }
      }
      out += '\n';
    }
  }

  ExportOptions options_;
};

}  // namespace

std::unique_ptr<RecordExporter> export_extxyz(const std::string& /*path*/, const ExportOptions& options) {
  return std::make_unique<ExtxyzExporter>(options);
}

}  // namespace atp

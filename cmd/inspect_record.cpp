// Records as JSON, in the form of the fixtures, and as text to read.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cmd/inspect.h"
#include "cmd/terminal.h"
#include "core/chem/elements.h"
#include "core/chem/formula.h"

namespace atp {
namespace {

constexpr std::size_t kShownAtoms = 20;
constexpr std::size_t kShownColumns = 40;  // of a property

// The sections by kind and key; of equal ones the last.
using Fields = std::map<Schema::Key, SectionView>;

Fields fields_of(const Sample& sample) {
  Fields fields;
  for (const SectionView& s : sample.sections) fields.insert_or_assign({s.kind, std::string(s.key)}, s);
  return fields;
}

std::optional<ValueView> builtin(const Fields& fields, const char* key) {
  const auto found = fields.find({Kind::builtin, key});
  if (found == fields.end()) return std::nullopt;
  const BuiltinInfo* info = builtin_info(key);
  const Type type = found->second.type;
  if (type != info->type && type != info->type_in_3)
    fail_input("", fmt::format("{} is {}, which it cannot be", key, type_info(type).name));
  return decode_value(found->second);
}

// ---- JSON ---------------------------------------------------------------------------------------

void write_number(JsonWriter& w, const NumbersView& numbers, std::uint64_t i) {
  switch (numbers.scalar) {
    case Scalar::f32:
    case Scalar::f64: w.real(numbers.real(i)); break;
    case Scalar::boolean: w.boolean(numbers.integer(i) != 0); break;
    default: w.integer(numbers.integer(i));
  }
}

void write_numbers(JsonWriter& w, const NumbersView& numbers) {
  w.begin_array();
  for (std::uint64_t i = 0; i < numbers.count; ++i) write_number(w, numbers, i);
  w.end_array();
}

void write_shape(JsonWriter& w, const std::vector<std::uint64_t>& shape) {
  w.begin_array();
  for (const std::uint64_t d : shape) w.count(d);
  w.end_array();
}

// {"dtype", "shape", "values"} or {"dtype", "value"}.
void write_builtin(JsonWriter& w, const Fields& fields, const char* key) {
  w.key(key);
  const auto value = builtin(fields, key);
  if (!value) {
    w.null();
    return;
  }
  w.begin_object().key("dtype").string(scalar_name(value->info->scalar));
  if (value->info->form == Form::scalar) {
    w.key("value");
    write_number(w, value->numbers, 0);
  } else {
    w.key("shape");
    write_shape(w, value->shape());
    w.key("values");
    write_numbers(w, value->numbers);
  }
  w.end_object();
}

void write_property(JsonWriter& w, const SectionView& section) {
  const ValueView value = decode_value(section);
  w.begin_object().key("tag").count(static_cast<std::uint8_t>(section.type));
  w.key("type").string(value.info->name);
  switch (value.info->form) {
    case Form::null: break;
    case Form::text: w.key("value").string(value.text); break;
    case Form::scalar: w.key("value"), write_number(w, value.numbers, 0); break;
    default: w.key("shape"), write_shape(w, value.shape()); w.key("values"), write_numbers(w, value.numbers);
  }
  w.end_object();
}

void write_properties(JsonWriter& w, const Fields& fields, Kind kind) {
  w.begin_object();
  for (const auto& [key, section] : fields) {
    if (key.first != kind) continue;
    w.key(key.second);
    write_property(w, section);
  }
  w.end_object();
}

// ---- text ---------------------------------------------------------------------------------------

std::string number_text(const NumbersView& numbers, std::uint64_t i) {
  switch (numbers.scalar) {
    case Scalar::f32:
    case Scalar::f64: return fmt::format("{:.8g}", numbers.real(i));
    case Scalar::boolean: return numbers.integer(i) != 0 ? "true" : "false";
    default: return fmt::format("{}", numbers.integer(i));
  }
}

std::string numbers_text(const NumbersView& numbers) {
  std::string text;
  std::uint64_t shown = 0;
  for (; shown < numbers.count && text.size() < kShownColumns; ++shown)
    text += (shown == 0 ? "" : "  ") + number_text(numbers, shown);
  if (shown < numbers.count) text += fmt::format("  ... {} more", human_count(numbers.count - shown));
  return text;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return text + "]";
}

std::string label(std::string_view name) { return "  " + styled(fmt::format("{:<10}", name), Style::dim) + "  "; }

std::string matrix_text(std::string_view name, const NumbersView& m, std::string_view unit) {
  std::string text;
  for (std::uint64_t row = 0; row < 3; ++row) {
    text += row == 0 ? label(name) : std::string(14, ' ');
    for (std::uint64_t c = 0; c < 3; ++c) text += fmt::format("{:>14.6f}", m.real(3 * row + c));
    text += row == 0 ? fmt::format("  {}\n", unit) : "\n";
  }
  return text;
}

std::string builtins_text(const Fields& fields, std::uint64_t n) {
  std::string text;
  if (const auto name = builtin(fields, "name")) text += label("name") + printable(name->text) + "\n";
  if (const auto energy = builtin(fields, "energy")) {
    const double e = energy->numbers.real(0);
    text += label("energy") + fmt::format("{:.8g} eV", e);
    if (n > 0) text += fmt::format(" ({:.8g} eV/atom)", e / static_cast<double>(n));
    text += "\n";
  }
  if (const auto cell = builtin(fields, "cell"); cell && cell->numbers.count == 9)
    text += matrix_text("cell", cell->numbers, "Å");
  if (const auto pbc = builtin(fields, "pbc"); pbc && pbc->numbers.count == 3) {
    text += label("pbc");
    for (std::uint64_t k = 0; k < 3; ++k) text += pbc->numbers.integer(k) != 0 ? "T " : "F ";
    text.back() = '\n';
  }
  if (const auto stress = builtin(fields, "stress"); stress && stress->numbers.count == 9)
    text += matrix_text("stress", stress->numbers, "eV/Å³");
  return text;
}

struct Column {
  std::string head;  // empty: positions
  NumbersView numbers;
  std::uint64_t width;  // numbers per atom
};

// Fields with a few numbers an atom stand in the atom table.
bool fits_table(const ValueView& value, std::uint64_t n) {
  return n > 0 && value.numbers.count > 0 && value.numbers.count % n == 0 && value.numbers.count / n <= 3;
}

std::vector<Column> atom_columns(const Fields& fields, const Sample& sample) {
  const std::uint64_t n = sample.n_atoms();
  std::vector<Column> columns{{"", sample.positions, 3}};
  const auto add = [&](const SectionView& s) {
    const ValueView value = decode_value(s);
    if (fits_table(value, n)) columns.push_back({printable(s.key), value.numbers, value.numbers.count / n});
  };
  for (const char* key : {"forces", "velocities", "charges"})
    if (const auto it = fields.find({Kind::builtin, key}); it != fields.end()) add(it->second);
  for (const auto& [key, section] : fields)
    if (key.first == Kind::atom) add(section);
  return columns;
}

std::string head_of(const Column& column, std::uint64_t c) {
  static constexpr std::array kAxes = {"x", "y", "z"};
  if (column.width == 1) return column.head;
  const std::string axis = column.width == 3 ? kAxes[c] : fmt::format("{}", c);
  return column.head.empty() ? axis : column.head + "." + axis;
}

std::string cell_text(const NumbersView& numbers, std::uint64_t at) {
  if (numbers.scalar != Scalar::f32 && numbers.scalar != Scalar::f64) return number_text(numbers, at);
  const double v = numbers.real(at);
  const bool plain = v == 0 || !std::isfinite(v) || (std::abs(v) < 1e5 && std::abs(v) >= 1e-3);
  return plain ? fmt::format("{:.4f}", v) : fmt::format("{:.3e}", v);
}

// The columns' cells, head first, and the width they take with the gaps before them.
std::size_t render(const Column& column, std::size_t atoms, std::vector<std::vector<std::string>>& cells) {
  std::size_t width = 0;
  for (std::uint64_t c = 0; c < column.width; ++c) {
    std::vector<std::string> texts{head_of(column, c)};
    for (std::size_t i = 0; i < atoms; ++i) texts.push_back(cell_text(column.numbers, i * column.width + c));
    std::size_t widest = 0;
    for (const std::string& t : texts) widest = std::max(widest, display_width(t));
    width += widest + 2;
    cells.push_back(std::move(texts));
  }
  return width;
}

// One line an atom. Columns that do not fit into the width are named below.
std::string atoms_text(const Fields& fields, const Sample& sample, bool all) {
  const std::size_t n = sample.n_atoms();
  const std::size_t shown = all ? n : std::min(n, kShownAtoms);
  const std::size_t room = all ? SIZE_MAX : static_cast<std::size_t>(std::max(terminal_width(), 40));
  std::vector<std::vector<std::string>> rows{{"    atom", "el"}};
  for (std::size_t i = 0; i < shown; ++i)
    rows.push_back({fmt::format("{}", i), std::string(element_symbol(static_cast<int>(sample.atomic_numbers[i])))});
  std::vector<bool> right{true, false};
  std::size_t taken = 12;
  std::string left_out;
  for (const Column& column : atom_columns(fields, sample)) {
    std::vector<std::vector<std::string>> cells;
    const std::size_t width = render(column, shown, cells);
    if (!column.head.empty() && taken + width > room) {
      left_out += (left_out.empty() ? "" : ", ") + column.head;
      continue;
    }
    taken += width;
    for (auto& cell : cells) {
      for (std::size_t i = 0; i < cell.size(); ++i) rows[i].push_back(std::move(cell[i]));
      right.push_back(true);
    }
  }
  std::string text = table(rows, right);
  if (shown < n) text += fmt::format("    ... {} more atoms; -v shows all\n", human_count(n - shown));
  if (!left_out.empty()) text += fmt::format("    no room for {}; -v shows all\n", left_out);
  return text;
}

std::string properties_text(const Fields& fields, std::uint64_t n) {
  std::vector<std::vector<std::string>> rows{{"  property", "type", "shape", "value"}};
  for (const auto& [key, section] : fields) {
    if (key.first == Kind::builtin) continue;
    const ValueView value = decode_value(section);
    if (key.first == Kind::atom && fits_table(value, n)) continue;
    const bool text = value.info->form == Form::text;
    rows.push_back({"  " + printable(key.second) + (key.first == Kind::atom ? " (per atom)" : ""),
                    std::string(value.info->name), shape_text(value.shape()),
                    text ? printable(value.text) : numbers_text(value.numbers)});
  }
  return rows.size() == 1 ? "" : table(rows, {});
}

}  // namespace

std::string record_json(const Sample& sample, std::uint64_t at) {
  const Fields fields = fields_of(sample);
  JsonWriter w;
  w.begin_object().key("record").count(at).key("n_atoms").count(sample.n_atoms());
  w.key("positions").begin_object().key("dtype").string(scalar_name(sample.positions.scalar));
  w.key("shape"), write_shape(w, {sample.n_atoms(), 3});
  w.key("values"), write_numbers(w, sample.positions);
  w.end_object();
  w.key("atomic_numbers").begin_array();
  for (const std::byte z : sample.atomic_numbers) w.count(static_cast<std::uint8_t>(z));
  w.end_array();
  for (const char* key : {"energy", "forces", "charges", "velocities", "cell", "stress"}) write_builtin(w, fields, key);
  w.key("pbc");
  if (const auto pbc = builtin(fields, "pbc"))
    write_numbers(w, pbc->numbers);
  else
    w.null();
  w.key("name");
  if (const auto name = builtin(fields, "name"))
    w.string(name->text);
  else
    w.null();
  w.key("atom_properties"), write_properties(w, fields, Kind::atom);
  w.key("properties"), write_properties(w, fields, Kind::molecule);
  w.end_object();
  return w.take();
}

std::string record_text(const Sample& sample, std::uint64_t at, bool all_atoms) {
  const Fields fields = fields_of(sample);
  const std::uint64_t n = sample.n_atoms();
  std::string text = styled(fmt::format("record {}", at), Style::bold);
  if (n > 0) text += "  " + Composition(sample.atomic_numbers).formula();
  text += fmt::format("  {} atom{}\n", human_count(n), n == 1 ? "" : "s");
  text += builtins_text(fields, n);
  if (n > 0) text += atoms_text(fields, sample, all_atoms);
  return text + properties_text(fields, n);
}

}  // namespace atp

#include "formats/export_ase_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/chem/masses.h"
#include "formats/json_values.h"
#include "formats/move_mask.h"
#include "formats/shortest.h"

namespace atp {
namespace {

constexpr std::string_view kReserved[] = {"id", "unique_id", "ctime", "mtime", "user", "fmax", "smax", "momenta", "constraints", "natoms", "formula", "age", "calculator",
                                          "calculator_parameters", "key_value_pairs", "data", "energy", "free_energy", "forces", "stress", "dipole", "magmom", "magmoms",
                                          "charges", "charge", "mass", "volume", "cell", "pbc", "numbers", "positions", "tags", "masses"};

struct OwnColumn {
  std::string_view key;
  std::uint64_t width;  // numbers per atom
};
constexpr OwnColumn kOwnColumns[] = {{"initial_magmoms", 1}, {"initial_charges", 1}, {"masses", 1}, {"momenta", 3}, {"magmoms", 1}, {"tags", 1}};

}  // namespace

bool is_ase_pair_name(std::string_view key) {
  if (key == "spin") return false;  // fairchem looks for it in data, beside charge, which is no name for a pair
  if (key.empty() || (key[0] >= '0' && key[0] <= '9')) return false;
  for (const char c : key) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return std::ranges::find(kReserved, key) == std::end(kReserved);
}

bool has_own_ase_column(const RecordFields::Field& field, const RecordFields& fields) {
  if (field.section.kind != Kind::atom) return false;
  const auto* own = std::ranges::find(kOwnColumns, field.section.key, &OwnColumn::key);
  const NumbersView& n = field.value.numbers;
  const Form form = field.value.info->form;
  if (own == std::end(kOwnColumns) || (form != Form::array && form != Form::vec3) || fields.width(field.section, field.value) != own->width) return false;
  if (own->key != "tags") return n.scalar == Scalar::f64 || n.scalar == Scalar::f32;
  if (n.scalar != Scalar::i64 && n.scalar != Scalar::i32) return false;
  for (std::uint64_t i = 0; i < n.count; ++i) {
    if (n.integer(i) > INT32_MAX || n.integer(i) < INT32_MIN) return false;
  }
  return true;
}

std::array<double, 6> voigt_of(const std::array<double, 9>& s) {
  const auto mean = [](double a, double b) { return a == b ? a : (a + b) / 2; };
  return {s[0], s[4], s[8], mean(s[5], s[7]), mean(s[2], s[6]), mean(s[1], s[3])};
}

bool is_symmetric(const std::array<double, 9>& s) {
  double most = 0;
  for (const double x : s) most = std::max(most, std::fabs(x));
  for (const auto& [a, b] : {std::pair(s[1], s[3]), std::pair(s[2], s[6]), std::pair(s[5], s[7])}) {
    if (std::fabs(a - b) > 1e-6 * most) return false;
  }
  return true;
}

bool is_all_in_voigt(const std::array<double, 9>& s) {
  const auto equal = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  return equal(s[1], s[3]) && equal(s[2], s[6]) && equal(s[5], s[7]);
}

void write_python_real(JsonWriter& json, double v) {
  std::string text;
  append_real(text, v);
  json.raw(text);
}

std::string ase_unique_id(std::string_view record, std::uint64_t number) {
  const Hash128 hash = xxh3_128(as_bytes(record));
  return fmt::format("{:016x}{:016x}", hash.high ^ number, hash.low);
}

std::string_view text_property(const RecordFields& fields, std::string_view key) {
  for (const auto& f : fields.fields) {
    if (f.section.kind == Kind::molecule && f.section.key == key && f.value.info->form == Form::text) return f.value.text;
  }
  return {};
}

namespace {

// Whether it is JSON of that kind, written as a reader that parses it writes it again.
bool is_json(std::string_view text, simdjson::dom::element_type type) {
  try {
    JsonParser parser;
    const auto e = parser.parse(text);
    return e.type() == type && simdjson::minify(e) == text;
  } catch (const Error&) {
    return false;
  }
}

const NumbersView* atom_numbers(const RecordFields& fields, std::string_view key) {
  for (const auto& f : fields.fields) {
    if (f.section.kind == Kind::atom && f.section.key == key && f.value.numbers.count > 0) return &f.value.numbers;
  }
  return nullptr;
}

std::optional<std::array<double, 9>> cell_of(const RecordFields& fields) {
  const auto* const c = fields.builtin("cell");
  if (c == nullptr) return std::nullopt;
  std::array<double, 9> cell;
  for (std::size_t i = 0; i < 9; ++i) cell[i] = c->value.numbers.real(i);
  return cell;
}

}  // namespace

std::vector<std::int32_t> move_mask_of(const RecordFields& fields) {
  const NumbersView* const n = atom_numbers(fields, "move_mask");
  if (n == nullptr || (n->scalar != Scalar::i64 && n->scalar != Scalar::i32) || (n->count != fields.n_atoms && n->count != 3 * fields.n_atoms)) return {};
  std::vector<std::int32_t> mask(static_cast<std::size_t>(3 * fields.n_atoms));
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const std::int64_t v = n->integer(n->count == fields.n_atoms ? i / 3 : i);
    if (v != 0 && v != 1) return {};
    mask[i] = static_cast<std::int32_t>(v);
  }
  return mask;
}

bool is_text_column(const RecordFields::Field& f) {
  const std::string_view key = f.section.key;
  if (f.section.kind != Kind::molecule || f.value.info->form != Form::text || f.value.text.empty()) return false;
  if (key == "constraints") return is_json(f.value.text, simdjson::dom::element_type::ARRAY);
  if (key == "calculator_parameters") return f.value.text != "{}" && is_json(f.value.text, simdjson::dom::element_type::OBJECT);
  return key == "unique_id" || (key == "calculator" && f.value.text != "unknown");
}

std::string ase_constraints(const RecordFields& fields) {
  for (const auto& f : fields.fields) {
    if (f.section.key == "constraints" && is_text_column(f)) return std::string(f.value.text);
  }
  const auto cell = cell_of(fields);
  const bool lattice = cell && text_property(fields, kMaskAxes) == kLatticeAxes;
  return constraints_of_mask(move_mask_of(fields), lattice ? &*cell : nullptr);
}

bool is_said_by_constraints(const RecordFields::Field& f, const RecordFields& fields) {
  const bool axes = f.section.kind == Kind::molecule && f.section.key == kMaskAxes;
  if (!axes && (f.section.kind != Kind::atom || f.section.key != "move_mask")) return false;
  const auto mask = std::ranges::find_if(fields.fields, [](const auto& other) { return other.section.kind == Kind::atom && other.section.key == "move_mask"; });
  if (mask == fields.fields.end() || mask->section.type != Type::tensor_i32 || mask->value.numbers.count != 3 * fields.n_atoms || mask->value.shape().size() != 2) return false;
  if (!text_property(fields, "constraints").empty() || ase_constraints(fields).empty()) return false;
  if (!axes) return true;
  const auto cell = cell_of(fields);
  return text_property(fields, kMaskAxes) == kLatticeAxes && cell && !is_along_axes(*cell) && fixes_in_part(move_mask_of(fields));
}

std::optional<AseMomenta> ase_momenta(const RecordView& record, const RecordFields& fields) {
  const auto* const v = fields.builtin("velocities");
  if (v == nullptr) return std::nullopt;
  const NumbersView* const masses = atom_numbers(fields, "masses");
  const bool own = masses != nullptr && masses->count == fields.n_atoms && (masses->scalar == Scalar::f64 || masses->scalar == Scalar::f32);
  const bool narrow = v->value.numbers.scalar == Scalar::f32;
  AseMomenta out;
  out.exact = !own || masses->scalar == Scalar::f64;  // as text, floats are read back as other doubles
  out.values.reserve(static_cast<std::size_t>(3 * fields.n_atoms));
  for (std::uint64_t i = 0; i < v->value.numbers.count; ++i) {
    const double mass = own ? masses->real(i / 3) : standard_mass(std::to_integer<int>(record.atomic_numbers()[i / 3]));
    if (!(mass > 0) || std::isinf(mass)) return std::nullopt;
    const double speed = v->value.numbers.real(i), again = speed * mass / mass;
    out.exact = out.exact && (narrow ? static_cast<float>(again) == static_cast<float>(speed) : again == speed || std::isnan(speed));
    out.values.push_back(speed * mass);
  }
  return out;
}

bool is_taken(const RecordFields& fields, std::string_view key) {
  return std::ranges::any_of(fields.fields, [&](const auto& f) { return f.section.kind != Kind::builtin && f.section.key == key; });
}

void note_ase_limits(const RecordView& record, const RecordFields& fields, const ExportOptions& options) {
  if (fields.builtin("pbc") == nullptr) options.note("some records do not say whether they are periodic: they are written as not periodic");
  if (const auto stress = record.stress(); stress && !is_symmetric(*stress)) options.note(kAsymmetricStress);
  if (const auto* cell = fields.builtin("cell")) {
    bool zero = true;
    for (std::uint64_t i = 0; i < 9; ++i) zero = zero && cell->value.numbers.real(i) == 0;
    if (zero) options.note("some records have a cell of zeros, which to ASE is no cell");
  }
  for (const auto& f : fields.fields) {
    if (f.value.info->form == Form::tensor && f.value.shape().size() > FrameValue::kMostDimensions) {
      options.note(fmt::format("'{}' has more than {} dimensions, which atp pack does not read back", f.section.key, FrameValue::kMostDimensions));
    }
    if (f.section.kind == Kind::builtin && f.section.key == "name" && is_taken(fields, "name")) {
      options.note("of records that have both a name and a property called 'name' only the second is written");
    }
  }
}

}  // namespace atp

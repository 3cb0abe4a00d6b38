#include "formats/ase_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/masses.h"
#include "formats/excerpt.h"

namespace atp {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using Of = FrameValue::Of;

constexpr std::string_view kUnitsBy = "the database's metadata";

// Columns of calculator results and of the atoms, with what their names alone do not tell.
struct ColumnRow {
  std::string_view name;
  ValueScope scope;
  std::optional<Field> field;
};
constexpr ColumnRow kColumns[] = {
    {"energy", ValueScope::frame, Field::energy},      {"forces", ValueScope::atom, Field::forces},
    {"stress", ValueScope::frame, Field::stress},      {"charges", ValueScope::atom, Field::charges},
    {"free_energy", ValueScope::frame, std::nullopt},  {"dipole", ValueScope::frame, std::nullopt},
    {"magmom", ValueScope::frame, std::nullopt},       {"magmoms", ValueScope::atom, std::nullopt},
    {"initial_magmoms", ValueScope::atom, std::nullopt}, {"initial_charges", ValueScope::atom, std::nullopt},
    {"masses", ValueScope::atom, std::nullopt},        {"tags", ValueScope::atom, std::nullopt},
    {"calculator", ValueScope::frame, std::nullopt},   {"calculator_parameters", ValueScope::frame, std::nullopt},
    {"unique_id", ValueScope::frame, std::nullopt},
};

bool has_ndarray(element e) {
  simdjson::dom::object o;
  if (e.get(o) != simdjson::SUCCESS) return false;
  for (const auto field : o) {
    if (field.key == "__ndarray__" || has_ndarray(field.value)) return true;
  }
  return false;
}

bool is_zero(const FrameValue& v) {
  for (std::uint64_t i = 0; i < v.count(); ++i) {
    if (v.real(i) != 0) return false;
  }
  return true;
}

}  // namespace

AseSettings::AseSettings(std::string file, const ReadOptions& options) : name(std::move(file)), rules(options), units(options) {
  declare_standard_units(units);
}

void AseSettings::read_metadata(std::string_view json) {
  if (json.empty()) return;
  JsonParser parser;
  const element root = parser.parse(json);
  if (const auto distance = json_text(root, "_distance_unit"); !distance.empty()) units.declare(Quantity::length, distance, kUnitsBy);
  simdjson::dom::object list;
  const auto units_of = json_member(root, "_property_unit_dict");
  if (!units_of || units_of->get(list) != simdjson::SUCCESS) return;
  for (const auto field : list) {
    std::string_view unit;
    if (field.value.get(unit) == simdjson::SUCCESS && !unit.empty()) property_units.emplace(field.key, unit);
  }
}

AseRow::AseRow(const AseSettings& settings) : settings_(settings), fields_(settings.rules, settings.units) {}

void AseRow::begin() {
  fields_.begin();
  values_.clear();
  data_values_.clear();
  numbers_.reset();
  positions_.reset();
  cell_.reset();
  pbc_.reset();
  masses_.reset();
  momenta_.reset();
  constraints_ = {};
  has_id_ = false;
  taken_.clear();
  names_.clear();
}

void AseRow::column(std::string_view name, const FrameValue& v) {
  if (name == "numbers") numbers_ = v;
  if (name == "positions") positions_ = v;
  if (name == "cell") cell_ = v;
  if (name == "pbc") pbc_ = v;
  if (name == "momenta") momenta_ = v;
  if (name == "constraints" && v.of == Of::text) constraints_ = v.text;
  if (name == "masses") masses_ = v;
  const auto* row = std::ranges::find(kColumns, name, &ColumnRow::name);
  if (row == std::end(kColumns)) return;
  if (name == "calculator_parameters" && v.of == Of::text && v.text == "{}") return;
  ValueHint hint;
  hint.scope = row->scope;
  hint.field = row->field;
  taken_.push_back(row->name);
  fields_.add(name, v, hint);
}

void AseRow::object(element row) {
  simdjson::dom::object o;
  if (row.get(o) != simdjson::SUCCESS) fail_input("", "is no JSON object");
  std::optional<element> more;  // after the columns, whose names count first
  for (const auto field : o) {
    const std::string_view name = field.key;
    if (name == "key_value_pairs") {
      object_pairs(field.value);
    } else if (name == "data") {
      more = field.value;
    } else if (name == "cell" && json_member(field.value, "pbc") && !pbc_) {
      if (const auto v = values_.value(*json_member(field.value, "pbc"))) pbc_ = v;
      if (const auto v = values_.value(field.value)) column(name, *v);
    } else if (const auto v = values_.value(field.value)) {
      if (name == "constraints" && v->of != Of::text) continue;  // an empty list
      column(name, *v);
    }
  }
  if (more) object_data(*more);
}

void AseRow::object_pairs(element e) {
  simdjson::dom::object o;
  if (e.get(o) != simdjson::SUCCESS) return;
  for (const auto field : o) {
    const auto v = values_.value(field.value);
    if (!v) continue;
    ValueHint hint;
    hint.scope = ValueScope::frame;
    fields_.add(field.key, *v, hint);
    taken_.push_back(field.key);
  }
}

void AseRow::key_value_pairs(std::string_view json) {
  if (json.empty() || json == "{}") return;
  object_pairs(pairs_parser_.parse(json));
}

void AseRow::data(std::string_view json, Bytes binary) {
  if (json.empty() || json == "{}" || json == "null") return;
  data_values_.set_binary(binary);
  object_data(data_parser_.parse(json));
}

void AseRow::object_data(element e) {
  simdjson::dom::object o;
  if (e.get(o) != simdjson::SUCCESS) return;
  for (const auto field : o) {
    const std::string_view key = field.key;
    if (json_member(field.value, "__ndarray__") || !has_ndarray(field.value)) {
      if (const auto v = data_values_.value(field.value)) add_data(key, *v);
    } else {
      add_nested(std::string(key), field.value);
    }
  }
}

// Objects that hold arrays are taken apart: {"a": {"b": array}} is "a.b".
void AseRow::add_nested(const std::string& prefix, element e) {
  simdjson::dom::object o;
  if (e.get(o) != simdjson::SUCCESS) return;
  for (const auto field : o) {
    const std::string key = prefix + "." + std::string(field.key);
    if (json_member(field.value, "__ndarray__") || !has_ndarray(field.value)) {
      if (const auto v = data_values_.value(field.value)) add_data(names_.emplace_back(key), *v);
    } else {
      add_nested(key, field.value);
    }
  }
}

void AseRow::add_data(std::string_view key, const FrameValue& value) {
  FrameValue v = value;
  ValueHint hint;
  if (v.of != Of::text && v.rank == 1 && v.shape[0] == 1) {  // one value in an array, as SchNetPack writes them
    v.rank = 0;
    hint.scope = ValueScope::frame;
  }
  if (const auto unit = settings_.property_units.find(key); unit != settings_.property_units.end()) {
    hint.unit = unit->second;
    hint.unit_by = kUnitsBy;
  }
  has_id_ = has_id_ || key == "id";
  if (std::ranges::find(taken_, key) != taken_.end()) key = names_.emplace_back("data." + std::string(key));
  fields_.add(key, v, hint);
}

void AseRow::put_atoms(Structure& structure, FrameRemarks& remarks) {
  if (!numbers_) fail_input("", "has no numbers");
  set_atomic_numbers(structure, "numbers", *numbers_);
  if (!positions_) fail_input("", "has no positions");
  set_positions(structure, "positions", *positions_, settings_.units, remarks);
  std::array<bool, 3> pbc = {};
  if (pbc_ && pbc_->count() == 1 && pbc_->rank == 0) {
    const auto bits = static_cast<unsigned>(pbc_->real(0));
    for (unsigned i = 0; i < 3; ++i) pbc[i] = (bits >> i & 1) != 0;
  } else if (pbc_ && pbc_->of != Of::text && pbc_->count() == 3) {
    for (unsigned i = 0; i < 3; ++i) pbc[i] = pbc_->real(i) != 0;
  } else if (pbc_) {
    fail_input("", "has a pbc that is not three of true and false");
  }
  fields_.set_pbc(pbc);
  // ASE writes a cell of zeros for what has none.
  const bool periodic = pbc[0] || pbc[1] || pbc[2];
  if (cell_ && (cell_->of == Of::text || periodic || !is_zero(*cell_))) set_cell(structure, "cell", *cell_, settings_.units, remarks);
}

// ASE's momenta are in sqrt(eV u), so these velocities are in sqrt(eV/u).
void AseRow::put_velocities(const Structure& structure, FrameRemarks& remarks) {
  const std::size_t n = structure.n_atoms();
  if (!momenta_) return;
  if (momenta_->of == Of::text || momenta_->count() != 3 * n || (masses_ && (masses_->of == Of::text || masses_->count() != n))) {
    fail_input("", "has momenta or masses that do not fit its atoms");
  }
  velocities_.resize(24 * n);
  for (std::size_t i = 0; i < 3 * n; ++i) {
    const double mass = masses_ ? masses_->real(i / 3) : standard_mass(structure.atomic_numbers[i / 3]);
    if (!(mass > 0)) fail_input("", fmt::format("atom {} has momenta and the mass {}", i / 3, mass), "--on-error skip leaves the frame out");
    store(velocities_.data() + 8 * i, momenta_->real(i) / mass);
  }
  static const Conversion kHow{1, "momenta/masses, in sqrt(eV/u)"};
  const std::uint64_t shape[2] = {n, 3};
  ValueHint hint;
  hint.scope = ValueScope::atom;
  hint.field = Field::velocities;
  hint.conversion = &kHow;
  fields_.add("momenta", FrameValue::array(Of::f64, shape, velocities_), hint);
  (void)remarks;
}

// FixAtoms as ASE writes them to extended XYZ: a column that is 0 for what cannot move. What else
// there is stays as JSON.
void AseRow::put_constraints(const Structure& structure) {
  if (constraints_.empty() || constraints_ == "[]" || constraints_ == "null") return;
  const std::size_t n = structure.n_atoms();
  move_mask_.assign(8 * n, std::byte{});
  for (std::size_t i = 0; i < n; ++i) store(move_mask_.data() + 8 * i, std::int64_t{1});
  bool all = true;
  simdjson::dom::array list;
  if (constraints_parser_.parse(constraints_).get(list) != simdjson::SUCCESS) fail_input("", "has constraints that are no list");
  for (const element c : list) {
    const auto kwargs = json_member(c, "kwargs");
    const auto indices = kwargs ? json_member(*kwargs, "indices") : std::nullopt;
    const auto v = json_text(c, "name") == "FixAtoms" && indices ? values_.numbers(*indices) : std::nullopt;
    if (!v) {
      all = false;
      continue;
    }
    for (std::uint64_t i = 0; i < v->count(); ++i) {
      const double at = v->real(i);
      if (v->of == Of::logical ? i >= n : !(at >= -static_cast<double>(n) && at < static_cast<double>(n))) {
        fail_input("", fmt::format("fixes atom {} of {}", at, n));
      }
      const std::size_t atom = v->of == Of::logical ? i : static_cast<std::size_t>(at < 0 ? at + static_cast<double>(n) : at);
      if (v->of != Of::logical || at != 0) store(move_mask_.data() + 8 * atom, std::int64_t{0});
    }
  }
  ValueHint hint;
  hint.scope = ValueScope::atom;
  const std::uint64_t shape[1] = {n};
  fields_.add("move_mask", FrameValue::array(Of::i64, shape, move_mask_), hint);
  if (all) return;
  constraints_text_ = constraints_;
  fields_.add("constraints", FrameValue::of_text(constraints_text_));
}

void AseRow::finish(std::int64_t id, Structure& structure, FrameRemarks& remarks) {
  put_atoms(structure, remarks);
  put_velocities(structure, remarks);
  put_constraints(structure);
  id_ = id;
  ValueHint of_frame;
  of_frame.scope = ValueScope::frame;
  // The row's number, unless the row itself says another id.
  if (!has_id_) fields_.add("id", FrameValue::integer(id_), of_frame);
  fields_.finish(structure, remarks);
  remarks.note("of the database's rows, ctime, mtime and user are left out");
}

}  // namespace atp

#include "formats/ase_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/masses.h"
#include "formats/excerpt.h"
#include "formats/move_mask.h"

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

void AseSettings::read_types(std::string_view json) {
  JsonParser parser;
  types.read(parser.parse(json));
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
  types_ = nullptr;
  velocities_of_data_.reset();
  mask_of_data_.reset();
  stress_.reset();
  stress_of_data_.reset();
  nulls_.clear();
  has_id_ = false;
  taken_.clear();
  names_.clear();
}

void AseRow::column(std::string_view name, const FrameValue& v) {
  if (name == "username" && v.of == Of::text && v.text == kAtpUser && !settings_.types.empty()) types_ = &settings_.types;
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
  if (!row->field) hint.recorded = recorded(name);
  // What an export gives its rows because ASE wants it.
  const bool made_up = types_ != nullptr && hint.recorded == nullptr && (name == "unique_id" || (name == "calculator" && v.of == Of::text && v.text == "unknown"));
  if (made_up) return;
  if (types_ != nullptr && name == "stress") {
    stress_ = v;
    return;
  }
  taken_.push_back(row->name);
  fields_.add(name, v, hint);
}

void AseRow::object(element row) {
  simdjson::dom::object o;
  if (row.get(o) != simdjson::SUCCESS) fail_input("", "is no JSON object");
  if (const auto types = json_member(row, kRecordedTypes)) {
    own_types_.read(*types);
    types_ = &own_types_;
  }
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
    } else if (const auto v = values_.value(field.value, name)) {
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
    const auto v = values_.value(field.value, field.key);
    if (!v) continue;
    ValueHint hint;
    hint.scope = ValueScope::frame;
    hint.recorded = recorded(field.key);
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
    if (field.value.is_null()) {
      if (const auto* const r = recorded(key); r != nullptr && r->type == Type::null) nulls_.push_back(key);
    } else if (json_member(field.value, "__ndarray__") || !has_ndarray(field.value)) {
      if (const auto v = data_values_.value(field.value, key)) add_data(key, *v);
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
      if (const auto v = data_values_.value(field.value, key)) add_data(names_.emplace_back(key), *v);
    } else {
      add_nested(key, field.value);
    }
  }
}

void AseRow::add_data(std::string_view key, const FrameValue& value) {
  FrameValue v = value;
  ValueHint hint;
  hint.recorded = recorded(key);
  if (hint.recorded != nullptr) {
    has_id_ = has_id_ || key == "id";
    if (key == "move_mask") mask_of_data_ = v;
    return fields_.add(key, v, hint);
  }
  if (types_ != nullptr && (key == "velocities" || key == "stress")) {
    (key == "stress" ? stress_of_data_ : velocities_of_data_) = v;
    return;
  }
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
  if (cell_ && !is_no_cell(*cell_)) set_cell(structure, "cell", *cell_, settings_.units, remarks);
}

// Whether the velocities that an export put into the data, because momenta do not give their last digit again, are
// still those of the momenta.
bool AseRow::repeats(const FrameValue& of_momenta) const {
  const auto& own = velocities_of_data_;
  if (!own || own->of == Of::text || own->count() != of_momenta.count()) return false;
  for (std::uint64_t i = 0; i < own->count(); ++i) {
    const double a = own->real(i), b = of_momenta.real(i);
    if (!(std::fabs(a - b) <= 1e-12 * std::fabs(a)) && !(std::isnan(a) && std::isnan(b)) && a != b) return false;
  }
  return true;
}

// The nine numbers that an export put into the data, because they are not symmetric, while the six of the column are
// still their mean.
void AseRow::put_stress() {
  ValueHint hint;
  hint.scope = ValueScope::frame;
  hint.field = Field::stress;
  const auto& all = stress_of_data_;
  bool repeats = stress_ && stress_->of != Of::text && stress_->count() == 6 && all && all->of != Of::text && all->count() == 9;
  static constexpr std::array<std::pair<std::uint64_t, std::uint64_t>, 6> kHalves = {{{0, 0}, {4, 4}, {8, 8}, {5, 7}, {2, 6}, {1, 3}}};
  for (std::uint64_t i = 0; repeats && i < 6; ++i) {
    const double a = all->real(kHalves[i].first), b = all->real(kHalves[i].second), given = stress_->real(i);
    repeats = !(std::fabs((a + b) / 2 - given) > 1e-12 * (std::fabs(a) + std::fabs(b)));
  }
  if (const auto& chosen = repeats || !stress_ ? all : stress_) fields_.add("stress", *chosen, hint);
}

// ASE's momenta are in sqrt(eV u), so these velocities are in sqrt(eV/u).
void AseRow::put_velocities(const Structure& structure) {
  const std::size_t n = structure.n_atoms();
  ValueHint hint;
  hint.scope = ValueScope::atom;
  if (momenta_) hint.recorded = recorded("momenta");
  if (hint.recorded != nullptr) fields_.add("momenta", *momenta_, hint);
  hint.field = Field::velocities;
  static const Conversion kAsItIs{1, "sqrt(eV/u)"}, kHow{1, "momenta/masses, in sqrt(eV/u)"};
  if (!momenta_ || hint.recorded != nullptr) {
    hint.recorded = nullptr;
    hint.conversion = &kAsItIs;
    if (velocities_of_data_) fields_.add("velocities", *velocities_of_data_, hint);
    return;
  }
  if (momenta_->of == Of::text || momenta_->count() != 3 * n || (masses_ && (masses_->of == Of::text || masses_->count() != n))) {
    fail_input("", "has momenta or masses that do not fit its atoms");
  }
  // An export had them as floats: what the division adds behind their last digit goes.
  const RecordedType* const type = types_ == nullptr ? nullptr : types_->find(Kind::builtin, "velocities");
  const bool narrow = type != nullptr && type->type == Type::vec3_f32;
  velocities_.resize(24 * n);
  for (std::size_t i = 0; i < 3 * n; ++i) {
    const double mass = masses_ ? masses_->real(i / 3) : standard_mass(structure.atomic_numbers[i / 3]);
    if (!(mass > 0)) fail_input("", fmt::format("atom {} has momenta and the mass {}", i / 3, mass), "--on-error skip leaves the frame out");
    double v = momenta_->real(i) / mass;
    if (narrow && std::fabs(static_cast<double>(static_cast<float>(v)) - v) <= 1e-12 * std::fabs(v)) v = static_cast<double>(static_cast<float>(v));
    store(velocities_.data() + 8 * i, v);
  }
  const std::uint64_t shape[2] = {n, 3};
  hint.conversion = &kHow;
  const FrameValue of_momenta = FrameValue::array(Of::f64, shape, velocities_);
  fields_.add("momenta", repeats(of_momenta) ? *velocities_of_data_ : of_momenta, hint);
}

// Takes the constraint into move_mask_. False for one that it cannot say.
bool AseRow::fix(element constraint, std::size_t n) {
  const std::string_view name = json_text(constraint, "name");
  const bool directions = name == "FixCartesian" || name == "FixScaled";
  const auto kwargs = json_member(constraint, "kwargs");
  if (!kwargs || (!directions && name != "FixAtoms")) return false;
  std::array<bool, 3> fixed = {true, true, true};
  if (const auto mask = directions ? json_member(*kwargs, "mask") : std::nullopt) {
    const auto v = values_.numbers(*mask);
    if (!v || v->count() != 3) return false;
    for (std::size_t k = 0; k < 3; ++k) fixed[k] = v->real(k) != 0;
  }
  const auto list = json_member(*kwargs, directions ? "a" : "indices");
  const auto v = list ? values_.numbers(*list) : std::nullopt;
  if (!v) return false;
  const bool by_atom = v->of == Of::logical;
  for (std::uint64_t i = 0; i < v->count(); ++i) {
    const double at = v->real(i);
    if (by_atom ? i >= n : !(at >= -static_cast<double>(n) && at < static_cast<double>(n))) fail_input("", fmt::format("fixes atom {} of {}", at, n));
    const std::size_t atom = by_atom ? i : static_cast<std::size_t>(at < 0 ? at + static_cast<double>(n) : at);
    for (std::size_t k = 0; k < 3; ++k) {
      if ((!by_atom || at != 0) && fixed[k]) move_mask_[3 * atom + k] = 0;
    }
  }
  const bool all_or_none = fixed[0] == fixed[1] && fixed[1] == fixed[2];
  if (!all_or_none) (name == "FixScaled" ? along_lattice_ : along_axes_) = true;
  return true;
}

// Whether the mask that an export put into the data, because its type is another, is still that of the constraints.
bool AseRow::repeats_mask() const {
  const auto& own = mask_of_data_;
  const bool of_atoms = own && own->of != Of::text && 3 * own->count() == move_mask_.size();
  if (!own || own->of == Of::text || (!of_atoms && own->count() != move_mask_.size())) return false;
  for (std::size_t i = 0; i < move_mask_.size(); ++i) {
    if (own->real(of_atoms ? i / 3 : i) != move_mask_[i]) return false;
  }
  return true;
}

// Whether a list of constraints is what an export makes of move_mask_.
bool AseRow::says_no_more(simdjson::dom::array list, const std::array<double, 9>* lattice) const {
  const std::string own = constraints_of_mask(move_mask_, lattice);
  JsonParser parser;
  return !own.empty() && simdjson::minify(parser.parse(own)) == simdjson::minify(list);
}

// move_mask is 0 for what cannot move. What else there is stays as JSON.
void AseRow::put_constraints(const Structure& structure, FrameRemarks& remarks) {
  if (constraints_.empty() || constraints_ == "[]" || constraints_ == "null") return;
  const std::size_t n = structure.n_atoms();
  move_mask_.assign(3 * n, 1);
  along_lattice_ = along_axes_ = false;
  bool all = true, any = false;
  simdjson::dom::array list;
  if (constraints_parser_.parse(constraints_).get(list) != simdjson::SUCCESS) fail_input("", "has constraints that are no list");
  for (const element c : list) {
    const bool taken = fix(c, n);
    any = any || taken;
    all = all && taken;
  }
  ValueHint hint;
  hint.scope = ValueScope::atom;
  const std::uint64_t shape[2] = {n, 3};
  if (any && !repeats_mask()) fields_.add("move_mask", FrameValue::array(Of::i32, shape, std::as_bytes(std::span<const std::int32_t>(move_mask_))), hint);
  const auto cell = cell_of(structure);
  const bool skew = cell && !is_along_axes(*cell);
  if (skew && along_lattice_ && along_axes_) {
    all = along_lattice_ = false;
    remarks.note("move_mask of some records has directions along x, y, z and along lattice vectors: only their 'constraints' tell them apart");
  }
  if (skew && along_lattice_) fields_.add(kMaskAxes, FrameValue::of_text(kLatticeAxes));
  // An export writes constraints of its own for a mask.
  if (all && (recorded("constraints") == nullptr || (!mask_of_data_ && says_no_more(list, skew && along_lattice_ ? &*cell : nullptr)))) return;
  constraints_text_ = constraints_;
  fields_.add("constraints", FrameValue::of_text(constraints_text_));
}

void AseRow::finish(std::int64_t id, Structure& structure, FrameRemarks& remarks) {
  put_atoms(structure, remarks);
  put_stress();
  put_velocities(structure);
  put_constraints(structure, remarks);
  id_ = id;
  ValueHint of_frame;
  of_frame.scope = ValueScope::frame;
  // The row's number, unless the row itself says another id.
  if (!has_id_ && types_ == nullptr) fields_.add("id", FrameValue::integer(id_), of_frame);
  fields_.finish(structure, remarks);
  for (const JsonValues* const values : {&values_, &data_values_}) {
    for (const std::string& text : values->left_out()) remarks.note(text);
  }
  if (!settings_.note.empty()) remarks.note(settings_.note);
  if (types_ == nullptr) settle_move_mask(structure);
  if (types_ != nullptr) {
    for (const std::string_view key : nulls_) structure.put_bytes(types_->property(key)->kind, key, Type::null, {});
    return types_->narrow(structure);
  }
  remarks.note("of the database's rows, ctime, mtime and user are left out");
}

}  // namespace atp

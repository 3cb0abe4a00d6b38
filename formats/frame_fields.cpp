#include "formats/frame_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/cell.h"
#include "core/chem/elements.h"
#include "core/chem/masses.h"
#include "formats/excerpt.h"
#include "formats/field_agreement.h"
#include "formats/recorded_types.h"
#include "formats/value_names.h"

namespace atp {

namespace {

const Conversion kAsItIs;

// Each is looked for among the others.
constexpr std::size_t kMostValues = 8192;

using Of = FrameValue::Of;

// A dipole may have one row more here: PyG writes [1, 3].
bool is_of_frame(std::string_view key, std::size_t rank) { return is_name_of_frame(key, std::min<std::size_t>(rank, 1)); }

Quantity quantity_of(Field field) {
  switch (field) {
    case Field::forces: return Quantity::force;
    case Field::stress: return Quantity::stress;
    case Field::cell: return Quantity::length;
    case Field::charges: return Quantity::charge;
    case Field::velocities: return Quantity::velocity;
    default: return Quantity::energy;
  }
}

std::string shape_text(const FrameValue& v) {
  if (v.of == Of::text) return fmt::format("'{}'", excerpt(v.text));
  std::string out;
  for (std::size_t i = 0; i < v.rank; ++i) out += fmt::format("{}{}", i == 0 ? "" : " x ", v.shape[i]);
  return v.rank == 0 ? "one value" : out + " values";
}

template <class From, class To>
void multiply(const std::byte* from, std::size_t n, double factor, std::byte* to) {
  for (std::size_t i = 0; i < n; ++i) {
    atp::store(to + i * sizeof(To), static_cast<To>(static_cast<double>(load<From>(from + i * sizeof(From))) * factor));
  }
}

template <class To>
void multiply_any(const FrameValue& v, double factor, std::byte* to) {
  const std::byte* const from = v.data.data();
  const std::size_t n = v.count();
  switch (v.of) {
    case Of::f64: return multiply<double, To>(from, n, factor, to);
    case Of::f32: return multiply<float, To>(from, n, factor, to);
    case Of::i64: return multiply<std::int64_t, To>(from, n, factor, to);
    case Of::i32: return multiply<std::int32_t, To>(from, n, factor, to);
    default: return multiply<std::uint8_t, To>(from, n, factor, to);
  }
}

// The numbers times `factor`, as f32 or f64.
void put_scaled(std::vector<std::byte>& out, const FrameValue& v, double factor, bool as_f32) {
  if (factor == 1 && v.of == (as_f32 ? Of::f32 : Of::f64)) {
    out.assign(v.data.begin(), v.data.end());
    return;
  }
  out.resize(v.count() * (as_f32 ? 4 : 8));
  as_f32 ? multiply_any<float>(v, factor, out.data()) : multiply_any<double>(v, factor, out.data());
}

// A tensor as nine numbers, by rows, from nine in any shape, six, or the three of a box.
std::array<double, 9> matrix_of(const FrameValue& v, bool vasp_order, double factor) {
  static constexpr std::array<std::size_t, 9> kAse = {0, 5, 4, 5, 1, 3, 4, 3, 2};
  static constexpr std::array<std::size_t, 9> kVasp = {0, 3, 5, 3, 1, 4, 5, 4, 2};
  std::array<double, 9> m = {};
  if (v.count() == 3) {
    for (std::size_t i = 0; i < 3; ++i) m[4 * i] = v.real(i) * factor;
    return m;
  }
  for (std::size_t i = 0; i < 9; ++i) m[i] = v.real(v.count() == 9 ? i : (vasp_order ? kVasp : kAse)[i]) * factor;
  return m;
}

}  // namespace

// ---- values -------------------------------------------------------------------------------------

std::uint32_t bytes_of(Of of) {
  switch (of) {
    case Of::f64:
    case Of::i64: return 8;
    case Of::f32:
    case Of::i32: return 4;
    default: return 1;
  }
}

FrameValue FrameValue::scalar(Of of, Bytes data) {
  FrameValue v;
  v.of = of;
  v.data = data;
  return v;
}

FrameValue FrameValue::of_text(std::string_view t) {
  FrameValue v;
  v.of = Of::text;
  v.text = t;
  return v;
}

FrameValue FrameValue::array(Of of, std::span<const std::uint64_t> dims, Bytes data) {
  if (dims.size() > kMostDimensions) fail_input("", fmt::format("has {} dimensions, {} at most are read", dims.size(), kMostDimensions));
  FrameValue v = scalar(of, data);
  std::uint64_t count = 1;
  for (const std::uint64_t d : dims) {
    if (d > UINT32_MAX || (d != 0 && count > UINT64_MAX / 8 / d)) fail_input("", fmt::format("has a dimension of {}", d));
    count *= d;
    v.shape[v.rank++] = static_cast<std::uint32_t>(d);
  }
  if (count * bytes_of(of) != data.size()) {
    fail_input("", fmt::format("has {} bytes, its shape needs {}", data.size(), count * bytes_of(of)));
  }
  return v;
}

std::uint64_t FrameValue::count() const { return of == Of::text ? 1 : data.size() / bytes_of(of); }

double FrameValue::real(std::uint64_t i) const {
  const std::byte* p = data.data() + i * bytes_of(of);
  switch (of) {
    case Of::f64: return load<double>(p);
    case Of::f32: return static_cast<double>(load<float>(p));
    case Of::i64: return static_cast<double>(load<std::int64_t>(p));
    case Of::i32: return static_cast<double>(load<std::int32_t>(p));
    default: return static_cast<double>(load<std::uint8_t>(p));
  }
}

// ---- fields -------------------------------------------------------------------------------------

void FrameFields::add(std::string_view key, const FrameValue& value, const ValueHint& hint) {
  if (key.size() > kLongestKey) fail_input("", fmt::format("the key '{}' has more than {} bytes", excerpt(key), kLongestKey));
  if (used_ == kMostValues) fail_input("", fmt::format("has more than {} values with names of their own, '{}' is one", kMostValues, excerpt(key)));
  if (used_ == entries_.size()) entries_.emplace_back();
  Entry& e = entries_[used_++];
  e.key = key;
  e.value = value;
  e.hint = hint;
  e.consumed = false;
}

std::optional<FieldClaim> FrameFields::claim_of(const Entry& e, std::uint64_t width) const {
  if (e.hint.field && !rules_.asked(*e.hint.field)) return FieldClaim{*e.hint.field, -1, false, false};
  const bool property = e.hint.recorded != nullptr;
  if (!e.of_atoms) {
    const auto claim = rules_.of_frame_value(e.key);
    if (property && claim && !claim->asked) return std::nullopt;
    return claim && claim->field != Field::pbc && (claim->asked || (claim->field != Field::cell)) ? claim : std::nullopt;
  }
  const auto claim = rules_.of_atom_array(e.key, e.value.is_number(), width);
  return property && claim && !claim->asked ? std::nullopt : claim;
}

// As the user says, else as the format does, else by the name.
ValueScope FrameFields::scope_of(const Entry& e, bool first_is_n) const {
  if (!e.hint.field) {
    if (const auto said = rules_.scope(e.key)) return *said == Kind::atom ? ValueScope::atom : ValueScope::frame;
  }
  return e.hint.scope == ValueScope::guess && (!first_is_n || is_of_frame(e.key, e.value.rank)) ? ValueScope::frame : e.hint.scope;
}

// Whether the value is of the atoms, and which field it may be.
void FrameFields::judge(Entry& e, Judgement& before) const {
  const FrameValue& v = e.value;
  const bool first_is_n = v.of != Of::text && v.rank > 0 && v.shape[0] == n_;
  const bool number = v.is_number();
  std::uint64_t width = first_is_n && n_ != 0 ? 1 : 0;
  for (std::size_t i = 1; i < v.rank; ++i) width *= v.shape[i];
  const RecordedType* const recorded = e.hint.recorded;
  if (recorded != nullptr) e.hint.scope = recorded->kind == Kind::molecule ? ValueScope::frame : first_is_n ? ValueScope::atom : ValueScope::guess;
  if (recorded == nullptr && before.made && before.scope == e.hint.scope && before.field == e.hint.field && before.number == number && before.first_is_n == first_is_n &&
      before.width == width && before.key == e.key) {
    e.of_atoms = before.of_atoms;
    e.guessed = before.guessed;
    e.claim = before.claim;
    return;
  }
  const ValueScope scope = recorded != nullptr && e.hint.scope != ValueScope::guess ? e.hint.scope : scope_of(e, first_is_n);
  e.of_atoms = scope != ValueScope::frame;
  e.guessed = e.of_atoms && (scope == ValueScope::guess || (e.hint.guessed && !rules_.scope(e.key)));
  if (e.of_atoms && !first_is_n) {
    fail_input("", fmt::format("'{}' has {} for {} atoms", excerpt(e.key), shape_text(e.value), n_));
  }
  // Forces of other atoms are no property of the frame.
  if (!e.of_atoms && recorded == nullptr && v.of != Of::text && v.rank == 2 && v.shape[1] == 3 && n_ != v.shape[0] && e.hint.scope == ValueScope::guess) {
    const auto claim = rules_.of_atom_array(e.key, true, 3);
    if (claim && claim->field == Field::forces) fail_input("", fmt::format("'{}' has {} for {} atoms", excerpt(e.key), shape_text(v), n_));
  }
  e.claim = claim_of(e, width);
  if (recorded == nullptr) before = Judgement{true, std::string(e.key), e.hint.scope, e.hint.field, number, first_is_n, width, e.of_atoms, e.guessed, e.claim};
}

const Conversion& FrameFields::conversion(const Entry& e, Quantity quantity) {
  if (e.hint.conversion != nullptr) return *e.hint.conversion;
  if (e.hint.unit.empty()) {
    const auto& known = units_.find(quantity);
    return known ? *known : kAsItIs;
  }
  InputUnits own = units_;
  own.declare(quantity, e.hint.unit, e.hint.unit_by);
  return own_unit_ = own.need(quantity, e.key);
}

bool FrameFields::fits(Field field, const Entry& e) const {
  const FrameValue& v = e.value;
  if (field == Field::name) return v.of == Of::text;
  if (!v.is_number()) return false;
  const std::uint64_t count = v.count();
  switch (field) {
    case Field::energy: return count == 1;
    case Field::stress: return count == 9 || count == 6;
    case Field::cell: return count == 9 || count == 3;
    default: return count == n_ * (field == Field::charges ? 1 : 3);
  }
}

FrameFields::Scale FrameFields::scale_of_virial(const Entry& e, const Structure& structure) {
  const Conversion& c = conversion(e, Quantity::energy);
  const auto* cell = structure.find(Kind::builtin, "cell");
  std::array<double, 9> rows = {};
  if (cell != nullptr) std::memcpy(rows.data(), cell->payload.data(), sizeof rows);
  const double volume = cell == nullptr ? 0 : std::fabs(cell_volume(rows));
  if (!(volume > 0)) {
    fail_input("", fmt::format("'{}' needs a cell with a volume to become a stress", excerpt(e.key)),
               "--map stress=none keeps it as a property");
  }
  virial_how_ = "-virial/volume";
  if (!c.how.empty()) virial_how_.append(", ").append(c.how);
  return {c.factor / -volume, virial_how_};
}

FrameFields::Scale FrameFields::scale(Field field, const Entry& e, const Structure& structure) {
  if (field == Field::stress && e.claim->virial) return scale_of_virial(e, structure);
  if (field == Field::velocities && e.hint.conversion == nullptr && e.hint.unit.empty()) {
    own_unit_ = velocity_conversion(e.key, units_);
    return {own_unit_.factor, own_unit_.how};
  }
  const Conversion& c = conversion(e, quantity_of(field));
  return {c.factor, c.how};
}

// Momenta by the masses of the frame where it has some, else by those of the standard atoms.
void FrameFields::store_momenta(const Entry& e, Structure& structure) const {
  const Entry* masses = nullptr;
  for (std::size_t i = 0; i < used_; ++i) {
    if (entries_[i].of_atoms && entries_[i].key == "masses" && entries_[i].value.is_number() && entries_[i].value.count() == n_) masses = &entries_[i];
  }
  auto& payload = structure.put(Kind::builtin, "velocities", Type::vec3_f64);
  payload.resize(static_cast<std::size_t>(24 * n_));
  for (std::size_t i = 0; i < 3 * n_; ++i) {
    const double mass = masses != nullptr ? masses->value.real(i / 3) : standard_mass(structure.atomic_numbers[i / 3]);
    if (!(mass > 0)) fail_input("", fmt::format("atom {} has momenta and the mass {}", i / 3, mass), "--map velocities=none keeps the momenta as a property");
    atp::store(payload.data() + 8 * i, e.value.real(i) / mass);
  }
}

void FrameFields::store(Field field, const Entry& e, double factor, Structure& structure) const {
  const FrameValue& v = e.value;
  const bool f32 = v.of == Of::f32;
  switch (field) {
    case Field::energy: structure.set_energy(v.real(0) * factor); break;
    case Field::stress: structure.set_stress(matrix_of(v, e.hint.vasp_order, factor)); break;
    case Field::cell: structure.set_cell(matrix_of(v, false, factor)); break;
    case Field::forces:
    case Field::velocities: put_scaled(structure.put(Kind::builtin, field_name(field), f32 ? Type::vec3_f32 : Type::vec3_f64), v, factor, f32); break;
    case Field::charges: put_scaled(structure.put(Kind::builtin, "charges", Type::f64_array), v, factor, false); break;
    case Field::name: structure.put_string(Kind::builtin, "name", v.text); break;
    case Field::pbc: break;
  }
}

const std::string& FrameFields::told(Field field, std::string_view key, std::string_view how) {
  Told& last = told_[static_cast<std::size_t>(field)];
  if (last.text.empty() || last.key != key || last.conversion != how) {
    last.key = key;
    last.conversion = how;
    last.text = from_key(key, Conversion{1, last.conversion});
  }
  return last.text;
}

void FrameFields::fail_misfit(Field field, const Entry& e) const {
  fail_input("", fmt::format("'{}' cannot be the {}: it has {}", excerpt(e.key), field_name(field), shape_text(e.value)),
             fmt::format("pass --map {}=none or another key", field_name(field)));
}

void FrameFields::take(Field field, Entry& e, Structure& structure, FrameRemarks& remarks) {
  e.consumed = true;
  if (field == Field::name) {
    store(field, e, 1, structure);
    if (e.claim->asked) remarks.mapped("name", told(field, e.key, {}));
    return;
  }
  if (field == Field::velocities && e.key == "momenta" && e.hint.conversion == nullptr) {
    store_momenta(e, structure);
    return remarks.mapped("velocities", told(field, e.key, "momenta/masses, in sqrt(eV/u)"));
  }
  const Scale s = scale(field, e, structure);
  store(field, e, s.factor, structure);
  remarks.mapped(field_name(field), told(field, e.key, s.how));
}

// Two values that both look like one field: they must say the same.
void FrameFields::compare(Field field, const Entry& chosen, const Entry& other, const Structure& structure, FrameRemarks& remarks) {
  if (field == Field::name || chosen.claim->rank < 0 || other.key == "momenta") return;
  const bool matrix = field == Field::stress || field == Field::cell;
  const double of_chosen = scale(field, chosen, structure).factor, of_other = scale(field, other, structure).factor;
  std::array<double, 9> first = {}, second = {};
  if (matrix) first = matrix_of(chosen.value, chosen.hint.vasp_order, of_chosen), second = matrix_of(other.value, other.hint.vasp_order, of_other);
  const auto get = [&](std::size_t i) {
    return matrix ? std::pair(first[i], second[i]) : std::pair(chosen.value.real(i) * of_chosen, other.value.real(i) * of_other);
  };
  const std::size_t n = matrix ? 9 : chosen.value.count();
  const std::size_t at = first_difference(n, field, get);
  if (at != n) fail_differ(chosen.key, other.key, field, get(at).first, get(at).second);
  remarks.note(fmt::format("'{}' repeats '{}' and stays a property; {} taken from '{}'", other.key, chosen.key, field_is(field), chosen.key));
}

void FrameFields::resolve(Field field, Structure& structure, FrameRemarks& remarks) {
  candidates_.clear();
  for (std::size_t i = 0; i < used_; ++i) {
    if (entries_[i].claim && entries_[i].claim->field == field) candidates_.push_back(&entries_[i]);
  }
  if (candidates_.size() > 1) std::ranges::stable_sort(candidates_, {}, [](const Entry* e) { return e->claim->rank; });
  Entry* chosen = nullptr;
  for (Entry* e : candidates_) {
    if (!fits(field, *e)) {
      if (!e->claim->asked) continue;
      fail_misfit(field, *e);
    }
    if (chosen != nullptr) {
      compare(field, *chosen, *e, structure, remarks);
      continue;
    }
    chosen = e;
    take(field, *e, structure, remarks);
  }
}

void FrameFields::finish(Structure& structure, FrameRemarks& remarks) {
  n_ = structure.n_atoms();
  if (judgements_.size() < used_) judgements_.resize(used_);
  unsigned claimed = 0;  // a bit for each field
  for (std::size_t i = 0; i < used_; ++i) {
    judge(entries_[i], judgements_[i]);
    if (entries_[i].claim) claimed |= 1U << static_cast<unsigned>(entries_[i].claim->field);
  }
  // In the order of records; a stress may need the cell.
  for (const Field field : {Field::charges, Field::cell, Field::energy, Field::forces, Field::name, Field::pbc, Field::stress, Field::velocities}) {
    if (field == Field::pbc && pbc_) structure.set_pbc(*pbc_);
    if ((claimed >> static_cast<unsigned>(field) & 1) != 0) resolve(field, structure, remarks);
  }
  for (std::size_t i = 0; i < used_; ++i) {
    const Entry& e = entries_[i];
    if (e.consumed) continue;
    if (e.guessed && n_ == 0) continue;  // [] of no atoms: nothing, of whatever type
    put_property(e, structure);
    if (!e.guessed) continue;
    auto* const section = structure.find(Kind::atom, e.key);
    if (section != nullptr) section->scope = e.value.rank == 2 && e.value.shape[1] == 1 ? Structure::Scope::guessed_column : Structure::Scope::guessed;
  }
}

void FrameFields::put_property(const Entry& e, Structure& structure) const {
  const FrameValue& v = e.value;
  if (e.hint.recorded != nullptr && put_recorded(*e.hint.recorded, e.key, v, structure)) return;
  const Kind kind = e.of_atoms ? Kind::atom : Kind::molecule;
  if (v.of == Of::text) return structure.put_string(kind, e.key, v.text);
  if (v.rank == 0) {
    if (v.of == Of::f64 || v.of == Of::f32) return structure.put_f64(kind, e.key, v.real(0));
    return structure.put_i64(kind, e.key, v.of == Of::i64 ? load<std::int64_t>(v.data.data()) : static_cast<std::int64_t>(v.real(0)));
  }
  std::vector<std::int64_t> logicals;
  Of of = v.of;
  Bytes data = v.data;
  if (of == Of::logical) {
    logicals.resize(v.count());
    for (std::size_t i = 0; i < logicals.size(); ++i) logicals[i] = v.real(i) != 0;
    of = Of::i64;
    data = std::as_bytes(std::span(logicals));
  }
  const bool real = of == Of::f64 || of == Of::f32;
  const bool narrow = of == Of::f32 || of == Of::i32;
  const std::span<const std::uint32_t> shape(v.shape.data(), v.rank);
  const bool pairs = e.of_atoms && v.rank == 2 && v.shape[0] == v.shape[1] && is_name_of_pairs(e.key);
  const bool column = e.of_atoms && v.rank == 2 && v.shape[1] == 1 && !pairs;  // [n, 1] is [n]
  if (v.count() != 0 && (v.rank == 1 || column)) {
    const Type type = real ? (narrow ? Type::f32_array : Type::f64_array) : (narrow ? Type::i32_array : Type::i64_array);
    structure.put_bytes(kind, e.key, type, data);
  } else if (v.count() != 0 && real && v.rank == 2 && v.shape[1] == 3 && !pairs) {
    structure.put_bytes(kind, e.key, narrow ? Type::vec3_f32 : Type::vec3_f64, data);
  } else {
    const Type type = real ? (narrow ? Type::tensor_f32 : Type::tensor_f64) : (narrow ? Type::tensor_i32 : Type::tensor_i64);
    structure.put_tensor(kind, e.key, type, shape, data);
  }
}

// ---- atoms and cell -----------------------------------------------------------------------------

void put_positions(Structure& structure, std::string_view key, const FrameValue& v, double factor, bool narrow) {
  const std::size_t n = structure.n_atoms();
  if (!v.is_number() || v.count() != 3 * n) {
    fail_input("", fmt::format("'{}' has {} for {} atoms", excerpt(key), shape_text(v), n));
  }
  const bool f32 = narrow && v.of == Of::f32;
  structure.positions_type = f32 ? Type::vec3_f32 : Type::vec3_f64;
  put_scaled(structure.positions, v, factor, f32);
}

void set_positions(Structure& structure, std::string_view key, const FrameValue& v, const InputUnits& units, FrameRemarks& remarks) {
  const Conversion& c = units.find(Quantity::length) ? *units.find(Quantity::length) : kAsItIs;
  put_positions(structure, key, v, c.factor);
  if (!c.how.empty()) remarks.mapped("positions", from_key(key, c));
}

bool is_no_cell(const FrameValue& v) {
  if (v.of == Of::text) return false;
  for (std::uint64_t i = 0; i < v.count(); ++i) {
    if (v.real(i) != 0) return false;
  }
  return true;
}

void set_cell(Structure& structure, std::string_view key, const FrameValue& v, const InputUnits& units, FrameRemarks& remarks) {
  if (!v.is_number() || (v.count() != 9 && v.count() != 3)) {
    fail_input("", fmt::format("'{}' has {}, a cell has 3 x 3", excerpt(key), shape_text(v)));
  }
  const Conversion& c = units.find(Quantity::length) ? *units.find(Quantity::length) : kAsItIs;
  std::array<double, 9> rows = {};
  for (std::size_t i = 0; i < v.count(); ++i) rows[v.count() == 9 ? i : 4 * i] = v.real(i) * c.factor;
  structure.set_cell(rows);
  if (!c.how.empty()) remarks.mapped("cell", from_key(key, c));
}

namespace {

// False when one of them is none; then `out` means nothing.
template <class T>
bool whole_numbers(Bytes data, std::vector<std::uint8_t>& out) {
  bool all = true;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T z = load<T>(data.data() + i * sizeof(T));
    all &= z >= 0 && z <= T{kElements};
    out[i] = static_cast<std::uint8_t>(z);
  }
  return all;
}

}  // namespace

void set_atomic_numbers(Structure& structure, std::string_view key, const FrameValue& v) {
  if (!v.is_number()) fail_input("", fmt::format("'{}' is no array of atomic numbers", excerpt(key)));
  structure.atomic_numbers.resize(v.count());
  if (v.of == Of::i64 && whole_numbers<std::int64_t>(v.data, structure.atomic_numbers)) return;
  if (v.of == Of::i32 && whole_numbers<std::int32_t>(v.data, structure.atomic_numbers)) return;
  for (std::size_t i = 0; i < v.count(); ++i) {
    const double z = v.real(i);
    if (!(z >= 0 && z <= kElements) || z != std::floor(z)) {
      fail_input("", fmt::format("atom {} has the atomic number {}", i, z), "0 to 118 are possible");
    }
    structure.atomic_numbers[i] = static_cast<std::uint8_t>(z);
  }
}

}  // namespace atp

#include "formats/frame_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/cell.h"
#include "core/chem/elements.h"
#include "formats/excerpt.h"
#include "formats/field_agreement.h"

namespace atp {

namespace {

const Conversion kAsItIs;

// Each is looked for among the others.
constexpr std::size_t kMostValues = 8192;

using Of = FrameValue::Of;

// Arrays of a whole frame that may have as many rows as the frame has atoms.
bool is_of_frame(std::string_view key) {
  std::string lower(key);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  static constexpr std::string_view kParts[] = {"dipole",   "quadrupole", "octupole", "polariz",    "stress", "virial",
                                                "lattice",  "rotational", "pbc",      "cell",       "born_trace"};
  if (lower.find("atomic") != std::string::npos || lower.find("per_atom") != std::string::npos || lower.find("mbis") != std::string::npos) return false;
  return std::ranges::any_of(kParts, [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

Quantity quantity_of(Field field) {
  switch (field) {
    case Field::forces: return Quantity::force;
    case Field::stress: return Quantity::stress;
    case Field::cell: return Quantity::length;
    case Field::charges: return Quantity::charge;
    default: return Quantity::energy;
  }
}

std::string shape_text(const FrameValue& v) {
  if (v.of == Of::text) return fmt::format("'{}'", excerpt(v.text));
  std::string out;
  for (std::size_t i = 0; i < v.rank; ++i) out += fmt::format("{}{}", i == 0 ? "" : " x ", v.shape[i]);
  return v.rank == 0 ? "one value" : out + " values";
}

void put_values(std::vector<std::byte>& out, std::span<const double> values, bool as_f32) {
  const std::size_t width = as_f32 ? 4 : 8;
  out.resize(values.size() * width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (as_f32) {
      atp::store(out.data() + 4 * i, static_cast<float>(values[i]));
    } else {
      atp::store(out.data() + 8 * i, values[i]);
    }
  }
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
  entries_[used_++] = Entry{key, value, hint, false, false, std::nullopt};
}

std::optional<FieldClaim> FrameFields::claim_of(const Entry& e) const {
  const FrameValue& v = e.value;
  if (e.hint.field && !rules_.asked(*e.hint.field)) return FieldClaim{*e.hint.field, -1, false, false};
  if (!e.of_atoms) {
    const auto claim = rules_.of_frame_value(e.key);
    return claim && claim->field != Field::pbc && (claim->asked || (claim->field != Field::cell)) ? claim : std::nullopt;
  }
  const std::uint64_t width = n_ == 0 ? 0 : v.count() / n_;
  return rules_.of_atom_array(e.key, v.is_number(), width);
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

// A tensor as nine numbers, by rows.
bool FrameFields::read_matrix(const Entry& e, Field field, Numbers& out) const {
  const FrameValue& v = e.value;
  const std::uint64_t count = v.count();
  out.v.assign(9, 0);
  if (count == 9) {  // flat or 3x3; also [1, 3, 3]
    for (std::size_t i = 0; i < 9; ++i) out.v[i] = v.real(i);
    return true;
  }
  if (field == Field::cell && count == 3) {
    for (std::size_t i = 0; i < 3; ++i) out.v[4 * i] = v.real(i);
    return true;
  }
  if (field != Field::stress || count != 6) return false;
  static constexpr std::array<std::size_t, 9> kAse = {0, 5, 4, 5, 1, 3, 4, 3, 2};
  static constexpr std::array<std::size_t, 9> kVasp = {0, 3, 5, 3, 1, 4, 5, 4, 2};
  for (std::size_t i = 0; i < 9; ++i) out.v[i] = v.real((e.hint.vasp_order ? kVasp : kAse)[i]);
  return true;
}

void FrameFields::scale_stress(const Entry& e, const Structure& structure, Numbers& out) {
  const bool virial = e.claim->virial;
  Conversion c = conversion(e, virial ? Quantity::energy : Quantity::stress);
  if (virial) {
    const auto* cell = structure.find(Kind::builtin, "cell");
    std::array<double, 9> rows = {};
    if (cell != nullptr) std::memcpy(rows.data(), cell->payload.data(), sizeof rows);
    const double volume = cell == nullptr ? 0 : std::fabs(cell_volume(rows));
    if (!(volume > 0)) {
      fail_input("", fmt::format("'{}' needs a cell with a volume to become a stress", excerpt(e.key)),
                 "--map stress=none keeps it as a property");
    }
    c.factor /= -volume;
    c.how = c.how.empty() ? "-virial/volume" : "-virial/volume, " + c.how;
  }
  for (double& x : out.v) x *= c.factor;
  out.how = from_key(e.key, c);
}

bool FrameFields::read(const Entry& e, Field field, const Structure& structure, Numbers& out) {
  const FrameValue& v = e.value;
  if (field == Field::name) return v.of == Of::text;
  if (!v.is_number()) return false;
  if (field == Field::stress || field == Field::cell) {
    if (!read_matrix(e, field, out)) return false;
    if (field == Field::stress) {
      scale_stress(e, structure, out);
      return true;
    }
  } else if (field == Field::energy) {
    if (v.count() != 1) return false;
    out.v.assign(1, v.real(0));
  } else {
    const std::uint64_t width = field == Field::charges ? 1 : 3;
    if (v.count() != n_ * width) return false;
    out.v.resize(v.count());
    for (std::size_t i = 0; i < out.v.size(); ++i) out.v[i] = v.real(i);
  }
  const Conversion& c = field == Field::velocities && e.hint.conversion == nullptr ? kAsItIs : conversion(e, quantity_of(field));
  if (c.factor != 1) {
    for (double& x : out.v) x *= c.factor;
  }
  out.how = from_key(e.key, c);
  return true;
}

void FrameFields::store(Field field, const Entry& e, const Numbers& n, Structure& structure) const {
  const bool f32 = e.value.of == Of::f32;
  switch (field) {
    case Field::energy: structure.set_energy(n.v[0]); break;
    case Field::stress:
    case Field::cell: structure.put_array<double>(Kind::builtin, field_name(field), Type::mat3_f64, n.v); break;
    case Field::forces:
    case Field::velocities:
      put_values(structure.put(Kind::builtin, field_name(field), f32 ? Type::vec3_f32 : Type::vec3_f64), n.v, f32);
      break;
    case Field::charges: structure.put_array<double>(Kind::builtin, "charges", Type::f64_array, n.v); break;
    case Field::name: structure.put_string(Kind::builtin, "name", e.value.text); break;
    case Field::pbc: break;
  }
}

void FrameFields::resolve(Field field, Structure& structure, FrameRemarks& remarks) {
  candidates_.clear();
  for (std::size_t i = 0; i < used_; ++i) {
    if (entries_[i].claim && entries_[i].claim->field == field) candidates_.push_back(&entries_[i]);
  }
  if (candidates_.size() > 1) std::ranges::stable_sort(candidates_, {}, [](const Entry* e) { return e->claim->rank; });
  Entry* chosen = nullptr;
  for (Entry* e : candidates_) {
    if (!read(*e, field, structure, chosen == nullptr ? first_ : other_)) {
      if (!e->claim->asked) continue;
      fail_input("", fmt::format("'{}' cannot be the {}: it has {}", excerpt(e->key), field_name(field), shape_text(e->value)),
                 fmt::format("pass --map {}=none or another key", field_name(field)));
    }
    if (chosen == nullptr) {
      chosen = e;
      e->consumed = true;
      continue;
    }
    if (field == Field::name || chosen->claim->rank < 0) continue;
    const auto get = [&](std::size_t i) { return std::pair(first_.v[i], other_.v[i]); };
    const std::size_t at = first_difference(first_.v.size(), field, get);
    if (at != first_.v.size()) fail_differ(chosen->key, e->key, field, first_.v[at], other_.v[at]);
    remarks.note(fmt::format("'{}' repeats '{}' and stays a property; {} taken from '{}'", e->key, chosen->key, field_is(field), chosen->key));
  }
  if (chosen == nullptr) return;
  store(field, *chosen, first_, structure);
  if (field != Field::name || chosen->claim->asked) remarks.mapped(field_name(field), field == Field::name ? from_key(chosen->key, {}) : first_.how);
}

void FrameFields::finish(Structure& structure, FrameRemarks& remarks) {
  n_ = structure.n_atoms();
  for (std::size_t i = 0; i < used_; ++i) {
    Entry& e = entries_[i];
    const bool first_is_n = e.value.of != Of::text && e.value.rank > 0 && e.value.shape[0] == n_;
    e.of_atoms = e.hint.scope == ValueScope::atom || (e.hint.scope == ValueScope::guess && first_is_n && !is_of_frame(e.key));
    if (e.of_atoms && !first_is_n) {
      fail_input("", fmt::format("'{}' has {} for {} atoms", excerpt(e.key), shape_text(e.value), n_));
    }
    e.claim = claim_of(e);
  }
  for (const Field field : {Field::cell, Field::energy, Field::forces, Field::stress, Field::charges, Field::velocities, Field::name}) {
    resolve(field, structure, remarks);
  }
  for (std::size_t i = 0; i < used_; ++i) {
    if (!entries_[i].consumed) put_property(entries_[i], structure);
  }
}

void FrameFields::put_property(const Entry& e, Structure& structure) const {
  const FrameValue& v = e.value;
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
  const bool column = e.of_atoms && v.rank == 2 && v.shape[1] == 1;  // [n, 1] is [n]
  if (v.count() != 0 && (v.rank == 1 || column)) {
    const Type type = real ? (narrow ? Type::f32_array : Type::f64_array) : (narrow ? Type::i32_array : Type::i64_array);
    structure.put_bytes(kind, e.key, type, data);
  } else if (v.count() != 0 && real && v.rank == 2 && v.shape[1] == 3) {
    structure.put_bytes(kind, e.key, narrow ? Type::vec3_f32 : Type::vec3_f64, data);
  } else {
    const Type type = real ? (narrow ? Type::tensor_f32 : Type::tensor_f64) : (narrow ? Type::tensor_i32 : Type::tensor_i64);
    structure.put_tensor(kind, e.key, type, shape, data);
  }
}

// ---- atoms and cell -----------------------------------------------------------------------------

void set_positions(Structure& structure, std::string_view key, const FrameValue& v, const InputUnits& units, FrameRemarks& remarks) {
  const std::size_t n = structure.n_atoms();
  if (!v.is_number() || v.count() != 3 * n) {
    fail_input("", fmt::format("'{}' has {} for {} atoms", excerpt(key), shape_text(v), n));
  }
  const Conversion& c = units.find(Quantity::length) ? *units.find(Quantity::length) : kAsItIs;
  const bool f32 = v.of == Of::f32;
  structure.positions_type = f32 ? Type::vec3_f32 : Type::vec3_f64;
  if (c.factor == 1 && (f32 || v.of == Of::f64)) {
    structure.positions.assign(v.data.begin(), v.data.end());
  } else {
    std::vector<double> values(3 * n);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = v.real(i) * c.factor;
    put_values(structure.positions, values, f32);
  }
  if (!c.how.empty()) remarks.mapped("positions", from_key(key, c));
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

void set_atomic_numbers(Structure& structure, std::string_view key, const FrameValue& v) {
  if (!v.is_number()) fail_input("", fmt::format("'{}' is no array of atomic numbers", excerpt(key)));
  structure.atomic_numbers.resize(v.count());
  for (std::size_t i = 0; i < v.count(); ++i) {
    const double z = v.real(i);
    if (!(z >= 0 && z <= kElements) || z != std::floor(z)) {
      fail_input("", fmt::format("atom {} has the atomic number {}", i, z), "0 to 118 are possible");
    }
    structure.atomic_numbers[i] = static_cast<std::uint8_t>(z);
  }
}

}  // namespace atp

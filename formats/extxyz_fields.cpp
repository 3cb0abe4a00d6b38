#include "formats/extxyz_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/field_agreement.h"
#include "formats/number.h"

namespace atp {

namespace {

using Content = CommentValue::Content;
using Matrix = std::array<double, 9>;

double determinant(const Matrix& m) {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

// `energy` and `dftb_energy_eV`: a unit in the name is not changed by a unit key.
bool names_its_unit(std::string_view key) { return key.ends_with("_eV") || key.ends_with("_eV_per_Ang"); }

}  // namespace

// ---- keys ---------------------------------------------------------------------------------------

const FieldReader::KeyRole& FieldReader::role_of(std::size_t i, std::string_view key) {
  if (i < roles_.size() && roles_[i].key == key) return roles_[i];
  if (i >= roles_.size()) roles_.resize(i + 1);
  KeyRole& role = roles_[i];
  role = {};
  role.key = key;
  role.claim = rules_.of_frame_value(key);
  role.properties = key == "Properties" || key == "properties";
  if (key.ends_with("_units")) key.remove_suffix(1);
  if (key == "energy_unit") role.unit = UnitOf::energy;
  if (key == "forces_unit" || key == "force_unit") role.unit = UnitOf::force;
  if (key == "stress_unit") role.unit = UnitOf::stress;
  if (key == "pos_unit" || key == "positions_unit" || key == "length_unit") role.unit = UnitOf::length;
  return role;
}

void FieldReader::gather() {
  const auto entries = comment_->entries();
  consumed_.assign(entries.size(), 0);
  units_ = {};
  for (auto& list : candidates_) list.clear();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const KeyRole& role = role_of(i, entries[i].key);
    if (role.properties) consumed_[i] = layout_->more_allowed ? 0 : 1;
    if (role.claim) {
      auto& list = candidates_[static_cast<std::size_t>(role.claim->field)];
      list.push_back({i, *role.claim});
      for (std::size_t k = list.size() - 1; k > 0 && list[k].claim.rank < list[k - 1].claim.rank; --k) {
        std::swap(list[k], list[k - 1]);
      }
    }
    const CommentValue& value = entries[i].value;
    if (role.unit == UnitOf::none || value.content != Content::text || value.rank != 0) continue;
    const Quantity quantity = role.unit == UnitOf::energy   ? Quantity::energy
                              : role.unit == UnitOf::force  ? Quantity::force
                              : role.unit == UnitOf::stress ? Quantity::stress
                                                            : Quantity::length;
    if (unit(quantity).entry < 0) unit(quantity) = {static_cast<std::ptrdiff_t>(i), entries[i].raw};
  }
  check_total_energy();
}

// Beside a kinetic energy the total is that of molecular dynamics, which no model is trained on.
void FieldReader::check_total_energy() const {
  const auto& list = candidates_[static_cast<std::size_t>(Field::energy)];
  if (list.empty() || list.front().claim.asked || entry(list.front().entry).key != "total_energy") return;
  for (const char* const other : {"kinetic_energy", "potential_energy"}) {
    if (comment_->find(other) == nullptr) continue;
    fail_input("", fmt::format("has total_energy beside {}, so which one is the energy is not clear", other),
               "choose with --map energy=KEY");
  }
}

FieldReader::Asked FieldReader::asked_units(const ReadOptions& options) {
  Asked asked;
  if (options.units.empty()) return asked;
  InputUnits units(options);
  units.declare(Quantity::energy, "eV", "extended XYZ");
  units.declare(Quantity::length, "A", "extended XYZ");
  for (std::size_t i = 0; i < kQuantities; ++i) asked[i] = units.find(static_cast<Quantity>(i));
  for (const Quantity q : {Quantity::energy, Quantity::length}) {  // declared only for what follows from them
    if (!options.units.contains(quantity_name(q))) asked[static_cast<std::size_t>(q)].reset();
  }
  return asked;
}

// The word of --units; what follows from it counts only where the comment says nothing.
const Conversion* FieldReader::asked(Quantity quantity) const {
  const auto& c = asked_[static_cast<std::size_t>(quantity)];
  if (!c || (!c->how.ends_with("--units") && units_[static_cast<std::size_t>(quantity)].entry >= 0)) return nullptr;
  return &*c;
}

// What a value of the key is multiplied with; the unit's key is used up when that is not 1.
double FieldReader::factor(Quantity quantity, std::string_view key) {
  const UnitEntry& u = unit(quantity);
  if (const Conversion* c = asked(quantity)) {
    if (u.entry >= 0 && c->factor != 1) consumed_[static_cast<std::size_t>(u.entry)] = 1;
    return c->factor;
  }
  if (u.entry < 0 || names_its_unit(key)) return 1;
  KnownUnit& known = known_units_[static_cast<std::size_t>(quantity)];
  if (known.text != u.text) known = {std::string(u.text), unit_factor(quantity, u.text)};
  const auto f = known.factor;
  const auto i = static_cast<std::size_t>(u.entry);
  if (!f) {
    fail_input("", fmt::format("'{}' is '{}', which is no unit atp knows", excerpt(entry(i).key), excerpt(u.text)),
               fmt::format("convert the values to {} and the unit with them", unit_name(quantity)));
  }
  if (*f != 1) consumed_[i] = 1;
  return *f;
}

void FieldReader::mapped(std::string_view field, std::string_view key, bool virial, Quantity quantity,
                         double conversion) {
  // energy_unit says nothing of the forces, so what they are taken for is said.
  const Conversion* user = conversion == 1 ? nullptr : asked(quantity);
  const UnitEntry& energy = unit(Quantity::energy);
  const bool assumed = !user && quantity == Quantity::force && unit(quantity).entry < 0 && energy.entry >= 0 &&
                       consumed_[static_cast<std::size_t>(energy.entry)] != 0;
  const std::string_view unit_text = user              ? std::string_view(user->how)
                                     : assumed         ? std::string_view("?")
                                     : conversion == 1 ? std::string_view()
                                                       : unit(quantity).text;
  for (std::size_t i = 0; i < hows_.size(); ++i) {
    const How& h = hows_[i];
    if (h.field == field && h.key == key && h.virial == virial && h.unit == unit_text) {
      told_hows_.push_back(i);
      return;
    }
  }
  std::string text = fmt::format("from '{}'", key);
  if (virial) text += " (-virial/volume)";
  if (assumed) text += fmt::format(" (no forces_unit beside energy_unit: taken as {})", unit_name(quantity));
  if (user) {
    text += fmt::format(" ({})", user->how);
  } else if (conversion != 1) {
    text += fmt::format(" ({} to {})", excerpt(unit_text), unit_name(quantity));
  }
  told_hows_.push_back(hows_.size());
  hows_.push_back({field, std::string(key), std::move(text), std::string(unit_text), virial});
}

// `key` looks like the field and stays a property: it repeats `preferred`, or (empty) does not fit.
void FieldReader::remark(Field field, std::string_view key, std::string_view preferred) {
  for (std::size_t i = 0; i < remarks_.size(); ++i) {
    const Remark& r = remarks_[i];
    if (r.field == field && r.key == key && r.other == preferred) return told_remarks_.push_back(i);
  }
  std::string text =
      preferred.empty()
          ? fmt::format("'{}' does not fit as the {} in some frames and stays a property there", key, field_name(field))
          : fmt::format("'{}' repeats '{}' and stays a property; {} taken from '{}'", key, preferred,
                        field_is(field), preferred);
  told_remarks_.push_back(remarks_.size());
  remarks_.push_back({field, std::string(key), std::string(preferred), std::move(text)});
}

void FieldReader::tell(FrameSink& sink) const {
  for (const std::size_t i : told_hows_) sink.mapped(hows_[i].field, hows_[i].text);
  for (const std::size_t i : told_remarks_) sink.note(remarks_[i].text);
}

void FieldReader::forget_told() {
  told_hows_.clear();
  told_remarks_.clear();
  if (hows_.size() > 256) hows_.clear();  // unit texts come from the input
}

// ---- fields of the frame ------------------------------------------------------------------------

void FieldReader::apply(const Comment& comment, const ColumnLayout& layout, Structure& structure) {
  comment_ = &comment;
  layout_ = &layout;
  forget_told();
  volume_ = 0;
  gather();
  convert_positions(structure);
  resolve(Field::cell, structure);  // first: a virial needs the volume
  resolve(Field::energy, structure);
  resolve(Field::stress, structure);
  read_columns(structure);
  read_pbc(structure);
  read_name(structure);
  put_properties(structure);
}

void FieldReader::apply_defaults(Structure& structure) {
  forget_told();
  units_ = {};
  convert_positions(structure);
  set_default_pbc(structure);
}

void FieldReader::resolve(Field field, Structure& structure) {
  const Candidate* chosen = nullptr;
  Numbers value;
  for (const Candidate& c : candidates_[static_cast<std::size_t>(field)]) {
    const std::string_view key = entry(c.entry).key;
    Numbers other;
    if (!read_field(field, c, chosen == nullptr, chosen == nullptr ? value : other)) {
      if (c.claim.asked) {
        fail_input("",
                   fmt::format("'{}' cannot be the {}: its value '{}' does not fit", excerpt(key), field_name(field),
                               excerpt(entry(c.entry).raw)),
                   fmt::format("pass --map {}=none or another key", field_name(field)));
      }
      if (chosen == nullptr && field != Field::cell) remark(field, key, "");
      continue;
    }
    if (chosen == nullptr) {
      chosen = &c;
      consumed_[c.entry] = 1;
      continue;
    }
    const std::string_view first = entry(chosen->entry).key;
    const auto get = [&](std::size_t i) { return std::pair(value.v[i], other.v[i]); };
    const std::size_t at = first_difference(value.n, field, get);
    if (at != value.n) fail_differ(first, key, field, value.v[at], other.v[at]);
    remark(field, key, first);
  }
  if (chosen == nullptr) return;

  store_field(field, value, structure);
  const std::string_view key = entry(chosen->entry).key;
  const bool virial = chosen->claim.virial;
  const Quantity quantity = field == Field::cell               ? Quantity::length
                            : field == Field::energy || virial ? Quantity::energy
                                                               : Quantity::stress;
  const double conversion = factor(quantity, key);
  if (field != Field::cell || key != "Lattice" || conversion != 1) {
    mapped(field_name(field), key, virial, quantity, conversion);
  }
}

bool FieldReader::read_field(Field field, const Candidate& c, bool first, Numbers& out) {
  switch (field) {
    case Field::energy: return read_energy(entry(c.entry), out);
    case Field::stress: return read_stress(c, first, out);
    case Field::cell: return read_cell(entry(c.entry), out);
    default: return false;
  }
}

void FieldReader::store_field(Field field, const Numbers& n, Structure& structure) {
  if (field == Field::energy) structure.set_energy(n.v[0]);
  if (field == Field::stress) structure.set_stress(n.v);
  if (field == Field::cell) {
    structure.set_cell(n.v);
    volume_ = std::fabs(determinant(n.v));
  }
}

bool FieldReader::read_energy(const CommentEntry& e, Numbers& out) {
  const CommentValue& v = e.value;
  if ((v.content != Content::real && v.content != Content::integer) || v.rank != 0) return false;
  out.n = 1;
  out.v[0] = comment_->real(v, 0) * factor(Quantity::energy, e.key);
  return true;
}

namespace {

// "[[1, 2, 3], [4, 5, 6], [7, 8, 9]]", which ASE writes and reads in quotes; anywhere else it is a text.
bool read_quoted_matrix(std::string_view text, Matrix& out) {
  const auto skip = [&] { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); };
  const auto take = [&](char c) {
    skip();
    const bool there = text.starts_with(c);
    if (there) text.remove_prefix(1);
    return there;
  };
  if (!take('[')) return false;
  for (std::size_t i = 0; i < 9; ++i) {
    if (i % 3 == 0 && !((i == 0 || take(',')) && take('['))) return false;
    if (i % 3 != 0 && !take(',')) return false;
    skip();
    const std::size_t size = std::min(text.find_first_of(",] "), text.size());
    if (!parse_real(text.substr(0, size), out[i])) return false;
    text.remove_prefix(size);
    if (i % 3 == 2 && !take(']')) return false;
  }
  if (!take(']')) return false;
  skip();
  return text.empty();
}

}  // namespace

// Nine numbers as a row-major matrix. A flat list is written column by column by ASE; six numbers
// are xx yy zz yz xz xy.
bool FieldReader::read_matrix(const CommentEntry& e, bool voigt, Numbers& out) const {
  const CommentValue& v = e.value;
  out.n = 9;
  if (v.content == Content::text) return read_quoted_matrix(e.raw, out.v);
  if (v.content != Content::real && v.content != Content::integer) return false;
  const bool flat = v.rank == 1 && v.count == 9;
  const bool nested = v.rank == 2 && v.shape[0] == 3 && v.shape[1] == 3;
  if (flat || nested) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) out.v[3 * i + j] = comment_->real(v, flat && voigt ? 3 * j + i : 3 * i + j);
    }
    return true;
  }
  if (!voigt || v.rank != 1 || v.count != 6) return false;
  static constexpr std::array<std::size_t, 9> kVoigt = {0, 5, 4, 5, 1, 3, 4, 3, 2};
  for (std::size_t i = 0; i < 9; ++i) out.v[i] = comment_->real(v, kVoigt[i]);
  return true;
}

bool FieldReader::read_stress(const Candidate& c, bool first, Numbers& out) {
  const CommentEntry& e = entry(c.entry);
  if (!read_matrix(e, true, out)) return false;
  double scale = 1;
  if (c.claim.virial) {
    if (!(volume_ > 0)) {
      if (!first) return false;  // there is a stress, and nothing to compare it with
      fail_input("", fmt::format("'{}' needs a cell with a volume to become a stress", excerpt(e.key)),
                 "--map stress=none keeps it as a property");
    }
    scale = -factor(Quantity::energy, e.key) / volume_;
  } else {
    scale = factor(Quantity::stress, e.key);
  }
  if (scale != 1) {
    for (double& x : out.v) x *= scale;
  }
  return true;
}

// Rows are the lattice vectors, in a flat list as in a nested one; three numbers are a diagonal.
bool FieldReader::read_cell(const CommentEntry& e, Numbers& out) {
  const CommentValue& v = e.value;
  if (v.rank == 1 && v.count == 3 && (v.content == Content::real || v.content == Content::integer)) {
    out = {};
    out.n = 9;
    for (std::size_t i = 0; i < 3; ++i) out.v[4 * i] = comment_->real(v, i);
  } else if (!read_matrix(e, false, out)) {
    if (e.key == "Lattice") {
      fail_input("", fmt::format("Lattice is '{}', 9 numbers are needed (or 3 for a box)", excerpt(e.raw)));
    }
    return false;
  }
  const double scale = factor(Quantity::length, e.key);
  if (scale != 1) {
    for (double& x : out.v) x *= scale;
  }
  return true;
}

namespace {

// "T T F", "1 0 1", "TTF", "T" (all three).
bool read_periodic(std::string_view text, std::array<bool, 3>& out) {
  std::size_t n = 0;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    if (*p == ' ' || *p == '\t') {
      ++p;
      continue;
    }
    const char* const begin = p;
    while (p != end && *p != ' ' && *p != '\t') ++p;
    const std::string_view word(begin, static_cast<std::size_t>(p - begin));
    bool b = word == "1";
    if (!b && word != "0" && !parse_logical(word, b)) {
      if (n != 0 || word.size() != 3 || word.find_first_not_of("TF") != std::string_view::npos) return false;
      for (; n < 3; ++n) out[n] = word[n] == 'T';
      continue;
    }
    if (n == 3) return false;
    out[n++] = b;
  }
  if (n == 1) out[1] = out[2] = out[0];
  return n == 1 || n == 3;
}

}  // namespace

void FieldReader::read_pbc(Structure& structure) {
  const auto& list = candidates_[static_cast<std::size_t>(Field::pbc)];
  if (list.empty()) return set_default_pbc(structure);
  const CommentEntry& e = entry(list.front().entry);
  const CommentValue& v = e.value;
  std::array<bool, 3> periodic = {};
  bool good = false;
  if (v.content <= Content::integer && v.rank <= 1 && (v.count == 1 || v.count == 3)) {
    const auto values = comment_->integers(v);
    good = std::all_of(values.begin(), values.end(), [](std::int64_t i) { return i == 0 || i == 1; });
    for (std::size_t i = 0; i < 3; ++i) periodic[i] = values[v.count == 1 ? 0 : i] != 0;
  } else if (v.content == Content::text && v.rank == 0) {
    good = read_periodic(e.raw, periodic);
  }
  if (!good) fail_input("", fmt::format("{} is '{}', three of T and F are needed", excerpt(e.key), excerpt(e.raw)));
  structure.set_pbc(periodic);
  consumed_[list.front().entry] = 1;
  if (e.key != "pbc") mapped("pbc", e.key, false, Quantity::length, 1);
}

void FieldReader::set_default_pbc(Structure& structure) const {
  const bool periodic = structure.find(Kind::builtin, "cell") != nullptr;
  structure.set_pbc({periodic, periodic, periodic});
}

void FieldReader::read_name(Structure& structure) {
  for (const Candidate& c : candidates_[static_cast<std::size_t>(Field::name)]) {
    const CommentEntry& e = entry(c.entry);
    if (e.flag) continue;
    structure.put_string(Kind::builtin, "name", e.raw);
    consumed_[c.entry] = 1;
    if (c.claim.asked) mapped("name", e.key, false, Quantity::length, 1);
  }
}

}  // namespace atp

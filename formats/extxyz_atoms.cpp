// What the columns of extended XYZ mean: units, fields and the mask of what may move.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/chem/masses.h"
#include "formats/excerpt.h"
#include "formats/extxyz_fields.h"
#include "formats/field_agreement.h"
#include "formats/move_mask.h"

namespace atp {

void FieldReader::convert_positions(Structure& structure) {
  if (unit(Quantity::length).entry < 0 && asked(Quantity::length) == nullptr) return;
  const double scale = factor(Quantity::length, "pos");
  if (scale == 1) return;
  for (std::size_t at = 0; at < structure.positions.size(); at += 8) {
    std::byte* const p = structure.positions.data() + at;
    store(p, load<double>(p) * scale);
  }
  mapped("positions", "pos", false, Quantity::length, scale);
}

void FieldReader::read_columns(Structure& structure) {
  for (const Column& c : layout_->columns) {
    if (!c.claim || c.claim->field == Field::velocities) continue;
    const Field field = c.claim->field;
    const auto* taken = structure.find(Kind::builtin, field_name(field));
    if (!c.fills_field) {
      const auto* other = structure.find(Kind::atom, c.name);
      const auto preferred = std::find_if(layout_->columns.begin(), layout_->columns.end(),
                                          [&](const Column& x) { return x.fills_field && x.claim->field == field; });
      const auto get = [&](std::size_t i) {
        return std::pair(load<double>(taken->payload.data() + 8 * i), load<double>(other->payload.data() + 8 * i));
      };
      const std::size_t n = taken->payload.size() / 8;
      const std::size_t at = first_difference(n, field, get);
      if (at != n) fail_differ(preferred->name, c.name, field, get(at).first, get(at).second);
      remark(field, c.name, preferred->name);
    }
  }
  // Converted only now: the columns are compared as they are written.
  for (const Column& c : layout_->columns) {
    if (!c.fills_field || c.claim->field == Field::velocities) continue;
    const Field field = c.claim->field;
    const Quantity quantity = field == Field::charges ? Quantity::charge : Quantity::force;
    const double scale = factor(quantity, c.name);
    if (scale != 1) {
      auto sections = structure.sections();
      const auto s = std::find_if(sections.begin(), sections.end(), [&](const Structure::Section& x) {
        return x.kind == Kind::builtin && x.key == field_name(field);
      });
      for (std::size_t at = 0; at < s->payload.size(); at += 8) {
        std::byte* const p = s->payload.data() + at;
        store(p, load<double>(p) * scale);
      }
    }
    mapped(field_name(field), c.name, false, quantity, scale);
  }
  read_velocities(structure);
  settle_move_mask(structure);
}

namespace {

std::vector<double> doubles_of(const Structure::Section& s) {
  std::vector<double> out(s.payload.size() / 8);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = load<double>(s.payload.data() + 8 * i);
  return out;
}

// ASE's momenta by the column of masses, where there is one, else by those of the standard atoms.
void divide_by_masses(std::vector<double>& v, const Structure& structure) {
  const auto* const masses = structure.find(Kind::atom, "masses");
  const bool own = masses != nullptr && masses->type == Type::f64_array;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double mass = own ? load<double>(masses->payload.data() + 8 * (i / 3)) : standard_mass(structure.atomic_numbers[i / 3]);
    if (!(mass > 0)) fail_input("", fmt::format("atom {} has momenta and the mass {}", i / 3, mass), "--map velocities=none keeps the momenta as a property");
    v[i] /= mass;
  }
}

}  // namespace

// Columns of velocities differ in their units, so they are compared after conversion. Momenta beside velocities say the
// same again, or stay a property.
void FieldReader::read_velocities(Structure& structure) {
  const Column* chosen = nullptr;
  for (const Column& c : layout_->columns) {
    if (c.fills_field && c.claim->field == Field::velocities) chosen = &c;
  }
  if (chosen == nullptr) return;
  const auto converted = [&](const Column& c, const Structure::Section& s) {
    std::vector<double> v = doubles_of(s);
    if (c.name == "momenta") {
      divide_by_masses(v, structure);
    } else if (const double factor = velocity_factor(c.name); factor != 1) {
      for (double& x : v) x *= factor;
    }
    return v;
  };
  const std::vector<double> v = converted(*chosen, *structure.find(Kind::builtin, "velocities"));
  for (const Column& c : layout_->columns) {
    const auto* const other = &c == chosen || !c.claim || c.claim->field != Field::velocities ? nullptr : structure.find(Kind::atom, c.name);
    if (other == nullptr) continue;
    const std::vector<double> w = converted(c, *other);
    const std::size_t at = first_difference(v.size(), Field::velocities, [&](std::size_t i) { return std::pair(v[i], w[i]); });
    if (c.name == "momenta" && at == v.size()) {
      structure.erase(Kind::atom, c.name);
    } else if (c.name != "momenta") {
      if (at != v.size()) fail_differ(chosen->name, c.name, Field::velocities, v[at], w[at]);
      remark(Field::velocities, c.name, chosen->name);
    }
  }
  structure.put_array<double>(Kind::builtin, "velocities", Type::vec3_f64, v);
  map_velocities(chosen->name);
}

double FieldReader::velocity_factor(std::string_view column) const {
  const Conversion* const user = asked(Quantity::velocity);
  return user != nullptr ? user->factor : velocity_conversion(column, no_units_).factor;
}

void FieldReader::map_velocities(std::string_view column) {
  for (std::size_t i = 0; i < hows_.size(); ++i) {
    if (hows_[i].field == "velocities" && hows_[i].key == column) return told_hows_.push_back(i);
  }
  const Conversion* const user = asked(Quantity::velocity);
  const Conversion how = column == "momenta" ? Conversion{1, "momenta/masses, in sqrt(eV/u)"} : user != nullptr ? *user : velocity_conversion(column, no_units_);
  told_hows_.push_back(hows_.size());
  hows_.push_back({"velocities", std::string(column), from_key(column, how), "", false});
}

}  // namespace atp

#include "formats/input_units.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "formats/excerpt.h"

namespace atp {

namespace {

constexpr std::array<std::string_view, kQuantities> kNames = {"energy", "length", "forces", "stress", "charge", "velocity"};

std::size_t index(Quantity q) { return static_cast<std::size_t>(q); }

std::optional<Quantity> quantity_named(std::string_view name) {
  if (name == "force") name = "forces";
  if (name == "velocities") name = "velocity";
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Quantity>(i);
  }
  return std::nullopt;
}

// All units, each under its usual name.
std::string known_units(Quantity q) {
  switch (q) {
    case Quantity::energy: return "eV, meV, hartree, Ry, kcal/mol, kJ/mol, au";
    case Quantity::length: return "A, nm, pm, bohr, au";
    case Quantity::force: return "au and ENERGY/LENGTH: eV/A, hartree/bohr, kcal/mol/A";
    case Quantity::stress: return "GPa, MPa, Pa, kbar, bar, au and ENERGY/LENGTH^3: eV/A^3";
    case Quantity::charge: return "e, C, au";
    case Quantity::velocity: return "sqrt(eV/u) (ASE's), au and LENGTH/TIME: A/fs, nm/ps, m/s";
  }
  return "";
}

std::string conversion_text(std::string_view unit, double factor, Quantity q, std::string_view by) {
  if (by.empty() && factor == 1) return "";
  const std::string change = factor == 1 ? std::string(unit_name(q)) : fmt::format("{} to {}", excerpt(unit), unit_name(q));
  return by.empty() ? change : fmt::format("{}, by {}", change, by);
}

}  // namespace

std::string_view quantity_name(Quantity quantity) { return kNames[index(quantity)]; }

InputUnits::InputUnits(const ReadOptions& options) {
  for (const auto& [name, unit] : options.units) {
    const auto quantity = quantity_named(name);
    if (!quantity) {
      const std::string near = did_you_mean(name, std::vector<std::string>(kNames.begin(), kNames.end()));
      throw Error(Exit::usage, "", fmt::format("--units knows no quantity '{}'", excerpt(name)),
                  near.empty() ? "quantities are energy, length, forces, stress, charge, velocity" : near);
    }
    const bool minus = *quantity == Quantity::stress && unit.starts_with('-');  // VASP's sign
    auto factor = unit_factor(*quantity, std::string_view(unit).substr(minus ? 1 : 0));
    if (factor && minus) *factor = -*factor;
    if (!factor) {
      const std::string near = did_you_mean(unit, unit_spellings(*quantity));
      throw Error(Exit::usage, "", fmt::format("--units {}={}: atp knows no such unit", name, excerpt(unit)),
                  near.empty() ? "known are " + known_units(*quantity) : near);
    }
    asked_[index(*quantity)] = Word{unit, "--units", *factor};
  }
  look_up_all();
}

void InputUnits::declare(Quantity quantity, std::string_view unit, std::string_view by) {
  const auto factor = unit_factor(quantity, unit);
  if (factor) {
    declared_[index(quantity)] = Word{std::string(unit), std::string(by), *factor};
    look_up_all();
  } else if (!asked_[index(quantity)]) {
    fail_input("", fmt::format("{} says '{}' of the {}, which is no unit atp knows", by, excerpt(unit), quantity_name(quantity)),
               fmt::format("pass --units {}=UNIT (known are {})", quantity_name(quantity), known_units(quantity)));
  }
}

const std::optional<InputUnits::Word>& InputUnits::word(Quantity q, bool asked) const {
  return asked && asked_[index(q)] ? asked_[index(q)] : declared_[index(q)];
}

// Forces and stress from the units of energy and length. With `asked`, only when --units names one of these.
std::optional<Conversion> InputUnits::derived(Quantity quantity, bool asked) const {
  if (quantity != Quantity::force && quantity != Quantity::stress) return std::nullopt;
  if (asked && !asked_[index(Quantity::energy)] && !asked_[index(Quantity::length)]) return std::nullopt;
  const auto& energy = word(Quantity::energy, true);
  const auto& length = word(Quantity::length, true);
  if (!energy || !length) return std::nullopt;
  const bool force = quantity == Quantity::force;
  const double below = force ? length->factor : length->factor * length->factor * length->factor;
  if (energy->by.empty() && length->by.empty()) return Conversion{energy->factor / below, ""};
  const std::string unit = fmt::format("{}/{}{}", energy->unit, length->unit, force ? "" : "^3");
  const double factor = energy->factor / below;
  return Conversion{factor, conversion_text(unit, factor, quantity, "the units of energy and length")};
}

void InputUnits::look_up_all() {
  for (std::size_t i = 0; i < kQuantities; ++i) known_[i] = look_up(static_cast<Quantity>(i));
}

const std::optional<Conversion>& InputUnits::find(Quantity quantity) const { return known_[index(quantity)]; }

std::optional<Conversion> InputUnits::look_up(Quantity quantity) const {
  const auto of_word = [&](const Word& w) { return Conversion{w.factor, conversion_text(w.unit, w.factor, quantity, w.by)}; };
  if (const auto& w = asked_[index(quantity)]) return of_word(*w);
  if (const auto c = derived(quantity, true)) return c;
  if (const auto& w = declared_[index(quantity)]) return of_word(*w);
  return derived(quantity, false);
}

Conversion InputUnits::need(Quantity quantity, std::string_view found) const {
  if (const auto& c = find(quantity)) return *c;
  fail_input("", fmt::format("nothing says which unit the {} has (found: {})", quantity_name(quantity), found),
             fmt::format("name it, for example --units {}", quantity == Quantity::charge ? "charge=e" : quantity == Quantity::velocity ? "velocity=A/fs" : "energy=hartree,length=bohr"));
}

std::string from_key(std::string_view key, const Conversion& conversion) {
  std::string text = "from '";
  text.append(key) += '\'';
  if (!conversion.how.empty()) text.append(" (").append(conversion.how) += ')';
  return text;
}

Conversion velocity_conversion(std::string_view key, const InputUnits& units) {
  const auto& known = units.find(Quantity::velocity);
  if (known && !known->how.empty()) return *known;
  if (key == "velo" || key == "vel") return {kAngstromPerFsInVelocity, "A/fs to sqrt(eV/u)"};
  return {1, "taken as sqrt(eV/u), ASE's unit"};
}

void declare_standard_units(InputUnits& units) {
  for (std::size_t i = 0; i < kQuantities; ++i) {
    const auto quantity = static_cast<Quantity>(i);
    units.declare(quantity, unit_name(quantity), "");
  }
}

void parse_units(std::string_view text, ReadOptions& options) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == pair.size()) {
      throw Error(Exit::usage, "", fmt::format("--units takes QUANTITY=UNIT, not '{}'", excerpt(pair)), "for example energy=hartree,length=bohr");
    }
    if (!options.units.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
      throw Error(Exit::usage, "", fmt::format("--units names '{}' twice", excerpt(pair.substr(0, equals))));
    }
  }
  InputUnits check(options);
}

}  // namespace atp

#include "core/chem/units.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace atp {

namespace {

struct Spelling {
  std::string_view text;  // lower case, without spaces
  double factor;
};

constexpr Spelling kEnergies[] = {
    {"ev", 1},
    {"electronvolt", 1},
    {"electronvolts", 1},
    {"mev", 1e-3},
    {"hartree", kHartreeInEv},
    {"hartrees", kHartreeInEv},
    {"ha", kHartreeInEv},
    {"eh", kHartreeInEv},
    {"e_h", kHartreeInEv},
    {"au", kHartreeInEv},
    {"a.u.", kHartreeInEv},
    {"ry", kRydbergInEv},
    {"rydberg", kRydbergInEv},
    {"rydbergs", kRydbergInEv},
    {"kcal/mol", kKiloCaloriePerMoleInEv},
    {"kcalmol^-1", kKiloCaloriePerMoleInEv},
    {"kj/mol", kKiloJoulePerMoleInEv},
    {"kilojoule/mole", kKiloJoulePerMoleInEv},
    {"kilojoule_per_mole", kKiloJoulePerMoleInEv},
    {"kilocalorie/mole", kKiloCaloriePerMoleInEv},
    {"kilocalorie_per_mole", kKiloCaloriePerMoleInEv},
    {"electron_volt", 1},
    {"kjmol^-1", kKiloJoulePerMoleInEv},
};

constexpr Spelling kLengths[] = {
    {"a", 1},
    {"ang", 1},
    {"angs", 1},
    {"angstrom", 1},
    {"angstroms", 1},
    {"bohr", kBohrInAngstrom},
    {"bohrs", kBohrInAngstrom},
    {"a0", kBohrInAngstrom},
    {"a_0", kBohrInAngstrom},
    {"au", kBohrInAngstrom},
    {"a.u.", kBohrInAngstrom},
    {"nm", 10},
    {"nanometer", 10},
    {"nanometers", 10},
    {"pm", 0.01},
};

constexpr Spelling kPressures[] = {
    {"gpa", kGigaPascalInEvPerAngstrom3},       {"mpa", kGigaPascalInEvPerAngstrom3 * 1e-3},
    {"pa", kGigaPascalInEvPerAngstrom3 * 1e-9}, {"kbar", kGigaPascalInEvPerAngstrom3 * 0.1},
    {"kb", kGigaPascalInEvPerAngstrom3 * 0.1},  {"bar", kGigaPascalInEvPerAngstrom3 * 1e-4},
};

constexpr Spelling kCharges[] = {
    {"e", 1}, {"elementarycharge", 1}, {"elementary_charge", 1}, {"c", 1 / kEvInJoule}, {"coulomb", 1 / kEvInJoule},
};

constexpr Spelling kTimesInFs[] = {{"fs", 1}, {"ps", 1e3}, {"s", 1e15}, {"au", 0.024188843265857}, {"a.u.", 0.024188843265857}};

std::optional<double> find(std::span<const Spelling> table, std::string_view text) {
  for (const Spelling& s : table) {
    if (s.text == text) return s.factor;
  }
  return std::nullopt;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string normalised(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ' ' || c == '(' || c == ')' || c == '*' || c == '\t') continue;
    out += (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  }
  replace_all(out, "\xC3\x85", "a");      // Å
  replace_all(out, "\xC3\xA5", "a");      // å
  replace_all(out, "\xE2\x84\xAB", "a");  // the angstrom sign
  replace_all(out, "\xC2\xB3", "^3");     // ³
  replace_all(out, "\xC3\xB6", "o");      // ö
  replace_all(out, "\xC2\xB7", "");       // ·
  return out;
}

// ENERGY/LENGTH with the length to the power: "ev/a^3", "ev/a3", "kcal/mol/ang".
std::optional<double> quotient(std::string_view text, int power) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto energy = find(kEnergies, text.substr(0, slash));
  std::string_view below = text.substr(slash + 1);
  if (power == 3) {
    if (!below.ends_with('3')) return std::nullopt;
    below.remove_suffix(1);
    if (below.ends_with('^')) below.remove_suffix(1);
  }
  const auto length = find(kLengths, below);
  if (!energy || !length) return std::nullopt;
  return power == 3 ? *energy / (*length * *length * *length) : *energy / *length;
}

// LENGTH/TIME, or ASE's: "a/fs", "nm/ps", "m/s", "sqrtev/u".
std::optional<double> velocity(std::string_view text) {
  if (text == "sqrtev/u" || text == "sqrtev/amu" || text == "ase") return 1;
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view above = text.substr(0, slash);
  const std::optional<double> length = above == "m" ? std::optional(1e10) : above == "km" ? std::optional(1e13) : find(kLengths, above);
  const auto time = find(kTimesInFs, text.substr(slash + 1));
  if (!length || !time) return std::nullopt;
  return *length / *time * kAngstromPerFsInVelocity;
}

// Two atomic units have no slash in their name.
bool is_atomic_units(std::string_view text) { return text == "au" || text == "a.u."; }

}  // namespace

std::string_view unit_name(Quantity quantity) {
  switch (quantity) {
    case Quantity::energy: return "eV";
    case Quantity::length: return "A";
    case Quantity::force: return "eV/A";
    case Quantity::stress: return "eV/A^3";
    case Quantity::charge: return "e";
    case Quantity::velocity: return "sqrt(eV/u)";
  }
  return "";
}

std::vector<std::string> unit_spellings(Quantity quantity) {
  std::vector<std::string> out;
  const auto add = [&out](std::span<const Spelling> table) {
    for (const Spelling& s : table) out.emplace_back(s.text);
  };
  if (quantity == Quantity::energy) add(kEnergies);
  if (quantity == Quantity::length) add(kLengths);
  if (quantity == Quantity::stress) add(kPressures);
  if (quantity == Quantity::charge) add(kCharges);
  return out;
}

std::optional<double> unit_factor(Quantity quantity, std::string_view text) {
  // Case does not count, but mega is not milli.
  if (text.starts_with("MeV")) return std::nullopt;
  const std::string unit = normalised(text);
  switch (quantity) {
    case Quantity::energy: return find(kEnergies, unit);
    case Quantity::length: return find(kLengths, unit);
    case Quantity::force:
      if (is_atomic_units(unit)) return kHartreeInEv / kBohrInAngstrom;
      return quotient(unit, 1);
    case Quantity::stress:
      if (is_atomic_units(unit)) return kHartreeInEv / (kBohrInAngstrom * kBohrInAngstrom * kBohrInAngstrom);
      if (const auto pressure = find(kPressures, unit)) return pressure;
      return quotient(unit, 3);
    case Quantity::charge:
      if (is_atomic_units(unit)) return 1;
      return find(kCharges, unit);
    case Quantity::velocity:
      if (is_atomic_units(unit)) return velocity("bohr/au");
      return velocity(unit);
  }
  return std::nullopt;
}

}  // namespace atp

#include "formats/value_names.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace atp {

namespace {

constexpr std::size_t kAny = SIZE_MAX;

struct Name {
  std::string_view text;
  std::size_t rank;  // the most dimensions of a frame's value; with more of them it is the atoms'
};

// Anywhere in the name. The first that fits counts.
constexpr Name kParts[] = {
    // moments and responses
    {"hyperpolariz", 3},
    {"polariz", 2},
    {"dipole", 1},
    {"quadrupole", 2},
    {"octupole", 3},
    {"hexadecapole", 4},
    {"dielectric", 2},
    {"elastic", kAny},
    {"piezo", kAny},
    {"electric_field", 1},
    {"total_magneti", 1},
    // stress and cell
    {"stresses", 1},
    {"stress", kAny},
    {"virial", kAny},
    {"lattice", kAny},
    {"cell", kAny},
    {"pbc", kAny},
    {"born_trace", kAny},
    // molecules
    {"rotational", kAny},
    {"inertia", 2},
    {"center_of_", 1},
    {"homo", 1},
    {"lumo", 1},
    {"frequenc", 1},
    {"nelect", 1},
    // settings of a calculation
    {"kpts", kAny},
    {"kpoint", kAny},
    {"k_point", kAny},
    {"kgrid", kAny},
    {"kmesh", kAny},
    {"monkhorst", kAny},
};

// The whole name, or its last word: gap_force is of a Gaussian approximation potential.
constexpr Name kWords[] = {{"gap", 1}, {"bandgap", 1}, {"strain", 2}, {"mesh", 1}, {"grid", 1}, {"freqs", 1}, {"fermi", 1}};

// Moments of atoms, whatever else the name says.
constexpr std::string_view kOfAtoms[] = {"atomic", "per_atom", "peratom", "atom_", "mbis", "hirshf"};

constexpr std::string_view kOfPairs[] = {"mayer", "wiberg", "bond_order", "bondorder", "distance_matrix", "adjacency", "coulomb_matrix"};

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

bool is_last_word(std::string_view name, std::string_view word) {
  if (!name.ends_with(word)) return false;
  if (name.size() == word.size()) return true;
  const char before = name[name.size() - word.size() - 1];
  return before == '_' || before == '-' || before == '.' || before == ' ';
}

}  // namespace

bool is_name_of_pairs(std::string_view name) {
  const std::string lower = lower_case(name);
  return std::ranges::any_of(kOfPairs, [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

bool is_name_of_frame(std::string_view name, std::size_t rank) {
  const std::string lower = lower_case(name);
  const auto within = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  if (std::ranges::any_of(kOfAtoms, within)) return false;
  const auto part = std::ranges::find_if(kParts, within, &Name::text);
  if (part != std::end(kParts) && rank <= part->rank) return true;
  return std::ranges::any_of(kWords, [&](const Name& n) { return rank <= n.rank && is_last_word(lower, n.text); });
}

}  // namespace atp

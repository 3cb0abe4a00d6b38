#include "formats/field_rules.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "formats/excerpt.h"

namespace atp {

namespace {

struct Name {
  std::string_view name;
  bool virial = false;
};

// In order of preference. free_energy and U0 are no energies of the frame in the usual sense.
constexpr Name kEnergy[] = {{"energy"},     {"REF_energy"},     {"ref_energy"},     {"dft_energy"},
                            {"DFT_energy"}, {"energy_xtb"},     {"ENERGY"},         {"Energy"},
                            {"dftb_energy_eV"}, {"mace_mp_energy"}, {"total_energy"}};
constexpr Name kForces[] = {
    {"forces"},        {"REF_forces"}, {"ref_forces"}, {"dft_forces"}, {"DFT_forces"},
    {"force"},         {"dft_force"},  {"forces_xtb"}, {"Forces"},     {"dftb_forces_eV_per_Ang"},
    {"mace_mp_forces"}};
constexpr Name kStress[] = {
    {"stress"},           {"REF_stress"},        {"ref_stress"},      {"dft_stress"},        {"DFT_stress"},
    {"mace_mp_stress"},   {"virial", true},      {"virials", true},   {"REF_virials", true}, {"REF_virial", true},
    {"dft_virial", true}, {"dft_virials", true}, {"DFT_virial", true},
    {"Stress"},           {"Virial", true}};
constexpr Name kCell[] = {{"Lattice"}, {"lattice"}, {"LATTICE"}, {"cell"}, {"Cell"}};
constexpr Name kPbc[] = {{"pbc"}, {"PBC"}};
constexpr Name kCharges[] = {{"charges"},     {"REF_charges"},     {"ref_charges"},
                             {"dft_charges"}, {"partial_charges"}, {"charge"}};
constexpr Name kVelocities[] = {{"velocities"}, {"velo"}, {"vel"}, {"momenta"}};
constexpr Name kName[] = {{"name"}};

struct Row {
  Field field;
  std::string_view name;
  std::span<const Name> names;
};
constexpr Row kRows[] = {
    {Field::energy, "energy", kEnergy},
    {Field::forces, "forces", kForces},
    {Field::stress, "stress", kStress},
    {Field::cell, "cell", kCell},
    {Field::pbc, "pbc", kPbc},
    {Field::charges, "charges", kCharges},
    {Field::velocities, "velocities", kVelocities},
    {Field::name, "name", kName},
};

const Row& row_of(Field field) { return kRows[static_cast<std::size_t>(field)]; }

bool is_virial_name(std::string_view name) {
  for (const Name& n : kStress) {
    if (n.name == name) return n.virial;
  }
  return false;
}

}  // namespace

std::string_view field_name(Field field) { return row_of(field).name; }

FieldRules::FieldRules(const ReadOptions& options) : scopes_(options.scopes) {
  for (const auto& [field, key] : options.map) {
    if (field == "virial") continue;
    bool found = false;
    for (const Row& row : kRows) {
      if (row.name != field) continue;
      asked_[static_cast<std::size_t>(row.field)] = key;
      found = true;
    }
    if (!found) {
      throw Error(Exit::usage, "", fmt::format("--map {}={}: there is no field '{}'", field, key, field),
                  "fields are energy, forces, stress, virial, cell, pbc, charges, velocities, name");
    }
  }
  const auto virial = options.map.find("virial");
  if (virial == options.map.end()) return;
  if (virial->second == "none") {
    no_virial_ = true;
    return;
  }
  auto& stress = asked_[static_cast<std::size_t>(Field::stress)];
  if (stress && *stress != "none") {
    throw Error(Exit::usage, "", "--map stress and --map virial fill the same field", "pass one of them");
  }
  stress = virial->second;
  asked_virial_ = true;
}

std::string field_is(Field field) {
  const std::string_view name = field_name(field);
  return "the " + std::string(name) + (field == Field::forces || field == Field::charges || field == Field::velocities ? " are" : " is");
}

std::optional<FieldClaim> FieldRules::look_up(std::string_view name, std::span<const Field> fields) const {
  for (const Field field : fields) {
    const auto& asked = asked_[static_cast<std::size_t>(field)];
    if (asked) {
      if (*asked == "none" || *asked != name) continue;
      const bool virial = field == Field::stress && (asked_virial_ || is_virial_name(name));
      return FieldClaim{field, 0, virial, true};
    }
    int rank = 0;
    for (const Name& n : row_of(field).names) {
      if (n.name == name && !(n.virial && no_virial_)) return FieldClaim{field, rank, n.virial, false};
      ++rank;
    }
  }
  return std::nullopt;
}

std::optional<Kind> FieldRules::scope(std::string_view name) const {
  const auto found = scopes_.find(name);
  return found == scopes_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<FieldClaim> FieldRules::of_frame_value(std::string_view name) const {
  static constexpr Field kOfFrame[] = {Field::energy, Field::stress, Field::cell, Field::pbc, Field::name};
  return look_up(name, kOfFrame);
}

std::optional<FieldClaim> FieldRules::of_atom_array(std::string_view name, bool real, std::size_t width) const {
  static constexpr Field kOfAtoms[] = {Field::forces, Field::charges, Field::velocities};
  for (const Field field : kOfAtoms) {
    const auto claim = look_up(name, {&field, 1});
    if (!claim) continue;
    const std::size_t needed = field == Field::charges ? 1 : 3;
    if (real && width == needed) return claim;
    if (claim->asked) {
      fail_input("",
                 fmt::format("'{}' cannot be the {}: {} real number{} an atom are needed", excerpt(name),
                             field_name(field), needed, needed == 1 ? "" : "s"),
                 fmt::format("pass --map {}=none or another column", field_name(field)));
    }
  }
  return std::nullopt;
}

}  // namespace atp

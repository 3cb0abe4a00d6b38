// Units that input files name, as factors to the units of atp (Å, eV, eV/Å, eV/Å³, e, sqrt(eV/u)).
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

enum class Quantity { energy, length, force, stress, charge, velocity };
inline constexpr std::size_t kQuantities = 6;

// CODATA 2018. The energies a mole rest on exact SI constants.
inline constexpr double kHartreeInEv = 27.211386245988;
inline constexpr double kRydbergInEv = kHartreeInEv / 2;
inline constexpr double kBohrInAngstrom = 0.529177210903;
inline constexpr double kEvInJoule = 1.602176634e-19;
inline constexpr double kKiloJoulePerMoleInEv = 1000 / (kEvInJoule * 6.02214076e23);
inline constexpr double kKiloCaloriePerMoleInEv = 4.184 * kKiloJoulePerMoleInEv;  // thermochemical
inline constexpr double kGigaPascalInEvPerAngstrom3 = 1e9 / (kEvInJoule * 1e30);

// ASE's unit of velocity is Å in its unit of time, in which masses are u and energies eV: sqrt(eV/u) is 9822.7 m/s.
inline constexpr double kDaltonInKilogram = 1.66053906660e-27;
inline const double kAngstromPerFsInVelocity = 1e5 / std::sqrt(kEvInJoule / kDaltonInKilogram);  // 10.18

// "eV", "A", "eV/A", "eV/A^3", "e", "sqrt(eV/u)", as users write them in ASCII.
std::string_view unit_name(Quantity quantity);

// How many of atp's units one of `text` is: "Hartree" -> 27.2..., "kcal/mol/Ang", "GPa", "meV/A^3".
// Spaces and case do not count. Nothing when the text is no unit of that quantity it knows.
std::optional<double> unit_factor(Quantity quantity, std::string_view text);

// The names that unit_factor() takes, in lower case, for advice where one was mistyped; without quotients ("ev/a").
std::vector<std::string> unit_spellings(Quantity quantity);

}  // namespace atp

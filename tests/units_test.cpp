#include "core/chem/units.h"

#include <doctest/doctest.h>

using namespace atp;

namespace {

void check(Quantity q, std::string_view text, double expected) {
  CAPTURE(text);
  const auto f = unit_factor(q, text);
  REQUIRE(f.has_value());
  CHECK(*f == doctest::Approx(expected).epsilon(1e-7));
}

}  // namespace

TEST_CASE("units: spellings and factors") {
  for (const char* ev : {"eV", "ev", "EV", " eV "}) check(Quantity::energy, ev, 1);
  check(Quantity::energy, "meV", 1e-3);
  check(Quantity::energy, "Hartree", 27.211386246);
  check(Quantity::energy, "Ha", 27.211386246);
  check(Quantity::energy, "Ry", 13.605693123);
  check(Quantity::energy, "kcal/mol", 0.0433641042);
  check(Quantity::energy, "kJ/mol", 0.0103642697);
  check(Quantity::length, "Angstrom", 1);
  check(Quantity::length, "\xC3\x85", 1);
  check(Quantity::length, "bohr", 0.529177211);
  check(Quantity::length, "nm", 10);
  for (const char* f : {"eV/A", "eV/Ang", "ev/angstrom", "eV/\xC3\x85", "eV / Angstrom"}) check(Quantity::force, f, 1);
  check(Quantity::force, "Hartree/Bohr", 51.422067476);
  check(Quantity::force, "au", 51.422067476);
  check(Quantity::force, "kcal/mol/A", 0.0433641042);
  check(Quantity::force, "meV/A", 1e-3);
  for (const char* s : {"eV/A^3", "eV/A3", "eV/Ang^3", "eV/A**3", "eV/\xC3\x85\xC2\xB3"}) check(Quantity::stress, s, 1);
  check(Quantity::stress, "GPa", 6.241509074e-3);
  check(Quantity::stress, "kB", 6.241509074e-4);
  check(Quantity::stress, "kbar", 6.241509074e-4);
  check(Quantity::stress, "meV/A^3", 1e-3);
}

TEST_CASE("units: what is none") {
  CHECK_FALSE(unit_factor(Quantity::energy, "").has_value());
  CHECK_FALSE(unit_factor(Quantity::energy, "MeV").has_value());
  CHECK_FALSE(unit_factor(Quantity::energy, "A").has_value());
  CHECK_FALSE(unit_factor(Quantity::force, "eV").has_value());
  CHECK_FALSE(unit_factor(Quantity::force, "eV/A^3").has_value());
  CHECK_FALSE(unit_factor(Quantity::stress, "eV/A").has_value());
  CHECK_FALSE(unit_factor(Quantity::length, "mile").has_value());
}

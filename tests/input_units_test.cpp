#include <doctest/doctest.h>

#include <string>

#include "core/base/error.h"
#include "formats/format.h"
#include "formats/input_units.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

ReadOptions with_units(std::string_view text) {
  ReadOptions options;
  parse_units(text, options);
  return options;
}

std::string refused(std::string_view text) {
  try {
    with_units(text);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.problem() + "; " + e.fix();
  }
  return "";
}

}  // namespace

TEST_CASE("input units: the user's word, the input's, what follows") {
  InputUnits none{ReadOptions{}};
  CHECK_FALSE(none.find(Quantity::energy));
  none.declare(Quantity::energy, "hartree", "attribute 'units'");
  CHECK(none.need(Quantity::energy, "").how == "hartree to eV, by attribute 'units'");
  CHECK_FALSE(none.find(Quantity::force));
  none.declare(Quantity::length, "bohr", "the layout");
  CHECK(none.need(Quantity::force, "").factor == doctest::Approx(kHartreeInEv / kBohrInAngstrom));
  none.declare(Quantity::force, "eV/A", "the layout");
  CHECK(none.need(Quantity::force, "").factor == 1);

  InputUnits asked{with_units("energy=kcal/mol")};
  asked.declare(Quantity::energy, "nonsense", "x");  // the user knows better
  asked.declare(Quantity::length, "A", "x");
  asked.declare(Quantity::force, "hartree/bohr", "x");
  CHECK(asked.need(Quantity::energy, "").factor == doctest::Approx(kKiloCaloriePerMoleInEv));
  CHECK(asked.need(Quantity::force, "").how == "kcal/mol/A to eV/A, by the units of energy and length");
}

TEST_CASE("input units: a sign before the unit of a stress") {
  const InputUnits units{with_units("stress=-kB")};
  CHECK(units.need(Quantity::stress, "").factor == doctest::Approx(-0.1 * kGigaPascalInEvPerAngstrom3));
  CHECK(units.need(Quantity::stress, "").how == "-kB to eV/A^3, by --units");
  CHECK(refused("energy=-eV").starts_with("--units energy=-eV: atp knows no such unit"));
  CHECK(refused("stress=--kB").starts_with("--units stress=--kB: atp knows no such unit"));
}

TEST_CASE("input units: what cannot be is refused") {
  CHECK(refused("energy") == "--units takes QUANTITY=UNIT, not 'energy'; for example energy=hartree,length=bohr");
  CHECK(refused("enery=eV") == "--units knows no quantity 'enery'; did you mean 'energy'?");
  CHECK(refused("energy=eV,energy=Ry") == "--units names 'energy' twice; ");
  CHECK(refused("energy=foot") == "--units energy=foot: atp knows no such unit; known are eV, meV, hartree, Ry, kcal/mol, kJ/mol, au");
  CHECK(refused("energy=hartre") == "--units energy=hartre: atp knows no such unit; did you mean 'hartree'?");
  CHECK(refused("stress=atm") == "--units stress=atm: atp knows no such unit; known are GPa, MPa, Pa, kbar, bar, au and ENERGY/LENGTH^3: eV/A^3");
  const InputUnits none{ReadOptions{}};
  try {
    none.need(Quantity::energy, "E (5), R (5 x 9 x 3)");
    FAIL("guessed");
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    CHECK(e.problem() == "nothing says which unit the energy has (found: E (5), R (5 x 9 x 3))");
    CHECK(e.fix() == "name it, for example --units energy=hartree,length=bohr");
  }
}

TEST_CASE("input units: extended XYZ obeys --units, too") {
  const TempDir dir;
  const std::string path = dir / "a.xyz";
  write_text(path, "1\nenergy=1 Lattice=\"1 0 0 0 1 0 0 0 1\" energy_unit=Ry Properties=species:S:1:pos:R:3:forces:R:3\nH 1 0 0 1 0 0\n1\n\nH 1 0 0\n");
  const auto r = read_all(*open_input(path, "", with_units("energy=hartree,length=bohr")));
  REQUIRE(r.frames.size() == 2);
  const auto number = [&](const Structure& s, const char* key) { return load<double>(s.find(Kind::builtin, key)->payload.data()); };
  CHECK(number(r.frames[0], "energy") == doctest::Approx(kHartreeInEv));
  CHECK(number(r.frames[0], "cell") == doctest::Approx(kBohrInAngstrom));
  CHECK(number(r.frames[0], "forces") == doctest::Approx(kHartreeInEv / kBohrInAngstrom));
  for (const Structure& s : r.frames) CHECK(load<double>(s.positions.data()) == doctest::Approx(kBohrInAngstrom));
}

// Structures and molecules of pymatgen: what sites, and what they say of themselves as a whole.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

ReadFrames read_json(const std::string& text) {
  const TempDir dir;
  write_text(dir / "x.json", text);
  return read_all(*open_input(dir / "x.json", "", {}));
}

std::string site(std::string_view element, std::string_view properties) {
  return fmt::format(R"({{"species": [{{"element": "{}", "occu": 1}}], "xyz": [0, 0, 0], "properties": {}}})", element, properties);
}

std::string structure(std::string_view sites, std::string_view more = R"("charge": 0)") {
  return fmt::format(R"({{"@module": "pymatgen.core.structure", "@class": "Structure", {}, "lattice": {{"matrix": [[2, 0, 0], [1, 2, 0], [0, 0, 2]]}}, "sites": [{}]}})", more, sites);
}

std::string molecule(std::string_view more) {
  return fmt::format(R"({{"@module": "pymatgen.core.structure", "@class": "Molecule", {}, "sites": [{}, {}]}})", more, site("O", "{}"), site("H", "{}"));
}

const std::string kTwo = site("O", "{}") + ", " + site("H", "{}");

}  // namespace

TEST_CASE("pymatgen: charge, spin and properties of a molecule, alone and in a record") {
  const std::string m = molecule(R"("charge": -1.0, "spin_multiplicity": 3, "properties": {"origin": "a", "weight": 0.5})");
  for (const auto& r : {read_json(m), read_json(fmt::format(R"([{{"molecule": {}, "energy": -2.5}}])", m))}) {
    REQUIRE(r.frames.size() == 1);
    CHECK(f64(r.frames[0], Kind::molecule, "charge") == -1);
    CHECK(i64(r.frames[0], Kind::molecule, "spin") == 3);
    CHECK(text(r.frames[0], Kind::molecule, "origin") == "a");
    CHECK(f64(r.frames[0], Kind::molecule, "weight") == 0.5);
    CHECK(r.mapped.contains("spin from 'spin_multiplicity'"));
  }
  CHECK(f64(read_json(fmt::format(R"([{{"molecule": {}, "energy": -2.5}}])", m)).frames.at(0), Kind::builtin, "energy") == -2.5);
  const auto own = read_json(fmt::format(R"([{{"molecule": {}, "charge": 2.0, "spin": 1}}])", m));
  CHECK(f64(own.frames.at(0), Kind::molecule, "charge") == 2);
  CHECK(i64(own.frames.at(0), Kind::molecule, "spin") == 1);
  const auto crystals = read_json(fmt::format(R"([{{"structure": {}}}, {{"structure": {}}}])", structure(kTwo), structure(kTwo, R"("charge": 1.0)")));
  CHECK_FALSE(has(crystals.frames.at(0), Kind::molecule, "charge"));
  CHECK(f64(crystals.frames.at(1), Kind::molecule, "charge") == 1);
}

TEST_CASE("pymatgen: site properties that are not those of all sites are named") {
  const auto r = read_json(structure(site("Fe", R"({"magmom": 2.0, "wyckoff": "a", "odd": 1})") + ", " +
                                     site("O", R"({"magmom": null, "wyckoff": "b", "odd": [1, 2], "late": 1})")));
  REQUIRE(r.frames.size() == 1);
  CHECK_FALSE(has(r.frames[0], Kind::atom, "magmom"));
  for (const std::string_view name : {"magmom", "late"}) CHECK(r.notes.contains(fmt::format("the site property '{}' is not there on every site and is left out", name)));
  for (const std::string_view name : {"wyckoff", "odd"}) CHECK(r.notes.contains(fmt::format("the site property '{}' is not numbers of one shape and is left out", name)));
  CHECK(r.notes.size() == 4);
  const auto charged = read_json(structure(R"({"species": [{"element": "Fe", "oxidation_state": 3, "occu": 1}], "abc": [0, 0, 0]})"));
  CHECK(elements(charged.frames.at(0)) == std::vector<int>{26});
  CHECK(charged.notes.contains("what the species of sites say beyond their elements (oxidation states, spins) is left out"));
}

TEST_CASE("pymatgen: selective dynamics of sites are what a POSCAR's are") {
  const auto r = read_json(structure(site("O", R"({"selective_dynamics": [true, false, true]})") + ", " + site("H", R"({"selective_dynamics": [false, false, false]})")));
  REQUIRE(r.frames.size() == 1);
  CHECK(type(r.frames[0], Kind::atom, "move_mask") == Type::tensor_i32);
  CHECK(numbers(r.frames[0], Kind::atom, "move_mask") == std::vector<double>{1, 0, 1, 0, 0, 0});
  CHECK_FALSE(has(r.frames[0], Kind::atom, "selective_dynamics"));
}

TEST_CASE("pymatgen: forces of other atoms are refused, in any layout") {
  const std::string bad = R"([[0, 0, 1], [0, 0, 2], [0, 0, 3]])";
  for (const std::string_view more : {R"("energy": -1)", R"("matpes_id": "m", "energy": -1)", R"("a": 1)"}) {
    const auto r = read_json(fmt::format(R"([{{"structure": {}, "forces": {}, {}}}])", structure(kTwo), bad, more));
    CHECK(r.frames.empty());
    REQUIRE(r.bad.size() == 1);
    CHECK(r.bad[0].ends_with("record 0: 'forces' has 3 x 3 values for 2 atoms"));
  }
  const auto empty = read_json(fmt::format(R"([{{"structure": {}, "matpes_id": "m", "forces": [], "energy": -1}}])", structure(kTwo)));
  CHECK_FALSE(has(empty.frames.at(0), Kind::builtin, "forces"));
  const auto flat = read_json(fmt::format(R"([{{"structure": {}, "matpes_id": "m", "forces": [1, 2, 3, 4, 5, 6]}}])", structure(kTwo)));
  CHECK(numbers(flat.frames.at(0), Kind::builtin, "forces") == std::vector<double>{1, 2, 3, 4, 5, 6});
}

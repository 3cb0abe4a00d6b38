#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "core/chem/units.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

constexpr const char* kBox = "Lattice=\"2 0 0 0 2 0 0 0 2\" ";

ReadFrames with(std::string_view comment, std::string_view columns = "", std::string_view line = "",
                ReadOptions options = {}) {
  const std::string text = "1\nProperties=species:S:1:pos:R:3" + std::string(columns) + " " + std::string(comment) +
                           "\nH 1 2 3" + std::string(line) + "\n";
  return read_xyz(text, options);
}

Structure good(std::string_view comment, std::string_view columns = "", std::string_view line = "",
               ReadOptions options = {}) {
  const ReadFrames r = with(comment, columns, line, options);
  CAPTURE(comment);
  if (!r.bad.empty()) FAIL(r.bad[0]);
  REQUIRE(r.frames.size() == 1);
  return r.frames[0];
}

std::string bad(std::string_view comment, std::string_view columns = "", std::string_view line = "",
                ReadOptions options = {}) {
  const ReadFrames r = with(comment, columns, line, options);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0].starts_with("t.xyz:2: "));
  return r.bad[0].substr(9);
}

ReadOptions map(std::string field, std::string key) {
  ReadOptions o;
  o.map.emplace(std::move(field), std::move(key));
  return o;
}

std::vector<double> builtin(const Structure& s, std::string_view key) { return numbers(s, Kind::builtin, key); }

void check_near(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("fields: every name of the energy") {
  for (const char* key : {"energy", "REF_energy", "ref_energy", "dft_energy", "DFT_energy", "total_energy",
                          "energy_xtb", "ENERGY", "Energy", "dftb_energy_eV", "mace_mp_energy"}) {
    const auto r = with(std::string(key) + "=-1.5");
    REQUIRE(r.frames.size() == 1);
    CHECK(builtin(r.frames[0], "energy") == std::vector<double>{-1.5});
    CHECK_FALSE(has(r.frames[0], Kind::molecule, key));
    CHECK(r.mapped.count("energy from '" + std::string(key) + "'") == 1);
  }
  const auto s = good("free_energy=-1 U0=-2");
  CHECK_FALSE(has(s, Kind::builtin, "energy"));
  CHECK(f64(good("energy=-3"), Kind::builtin, "energy") == -3.0);
  CHECK(i64(s, Kind::molecule, "U0") == -2);
}

TEST_CASE("fields: every name of the forces, charges and velocities") {
  for (const char* key : {"forces", "REF_forces", "ref_forces", "dft_forces", "DFT_forces", "force", "dft_force",
                          "forces_xtb", "Forces", "dftb_forces_eV_per_Ang", "mace_mp_forces"}) {
    const auto r = with("", ":" + std::string(key) + ":R:3", " 4 5 6");
    CHECK(builtin(r.frames.at(0), "forces") == std::vector<double>{4, 5, 6});
    CHECK(type(r.frames[0], Kind::builtin, "forces") == Type::vec3_f64);
    CHECK(r.mapped.count("forces from '" + std::string(key) + "'") == 1);
  }
  for (const char* key : {"charges", "REF_charges", "partial_charges", "charge"}) {
    CHECK(builtin(good("", ":" + std::string(key) + ":R:1", " 4"), "charges") == std::vector<double>{4});
  }
  const auto s = good("", ":initial_charges:R:1:forces:R:1", " 4 5");
  CHECK(has(s, Kind::atom, "initial_charges"));
  CHECK(has(s, Kind::atom, "forces"));  // not three numbers an atom
}

TEST_CASE("fields: velocities are in ASE's unit, whatever they came in") {
  const auto velocities = [](const std::string& columns, const std::string& values, const ReadOptions& options = {}) {
    return builtin(read_xyz("1\nProperties=species:S:1:pos:R:3" + columns + "\nO 0 0 0" + values + "\n", options).frames.at(0), "velocities");
  };
  const double a_per_fs = 10.180505710;
  CHECK(velocities(":velocities:R:3", " 4 5 6") == std::vector<double>{4, 5, 6});
  for (const char* key : {"velo", "vel"}) CHECK(velocities(":" + std::string(key) + ":R:3", " 1 0 0")[0] == doctest::Approx(a_per_fs));
  CHECK(velocities(":momenta:R:3", " 15.999 0 31.998") == std::vector<double>{1, 0, 2});
  CHECK(velocities(":momenta:R:3:masses:R:1", " 18 0 9 4.5") == std::vector<double>{4, 0, 2});
  ReadOptions nm_per_ps;
  nm_per_ps.units["velocity"] = "nm/ps";
  CHECK(velocities(":velocities:R:3", " 1 0 0", nm_per_ps)[0] == doctest::Approx(a_per_fs / 100));

  const auto both = read_xyz("1\nProperties=species:S:1:pos:R:3:velocities:R:3:momenta:R:3\nO 0 0 0 1 0 0 15.999 0 0\n").frames.at(0);
  CHECK_FALSE(has(both, Kind::atom, "momenta"));
  const auto other = read_xyz("1\nProperties=species:S:1:pos:R:3:velocities:R:3:momenta:R:3\nO 0 0 0 1 0 0 1 0 0\n").frames.at(0);
  CHECK(has(other, Kind::atom, "momenta"));
  CHECK(read_xyz("1\nProperties=species:S:1:pos:R:3:momenta:R:3:masses:R:1\nO 0 0 0 1 0 0 0\n").bad.at(0).find("the mass 0") != std::string::npos);
  ReadOptions none;
  none.map["velocities"] = "none";
  CHECK(has(read_xyz("1\nProperties=species:S:1:pos:R:3:momenta:R:3\nO 0 0 0 1 0 0\n", none).frames.at(0), Kind::atom, "momenta"));
}

TEST_CASE("fields: move_mask has one shape") {
  const auto mask = [](const std::string& type, const std::string& values) {
    const auto s = read_xyz("1\nProperties=species:S:1:pos:R:3:move_mask:" + type + "\nO 0 0 0 " + values + "\n").frames.at(0);
    CHECK(type_info(atp::test::type(s, Kind::atom, "move_mask")).name == "tensor_i32");
    return numbers(s, Kind::atom, "move_mask");
  };
  CHECK(mask("L:1", "F") == std::vector<double>{0, 0, 0});
  CHECK(mask("I:1", "1") == std::vector<double>{1, 1, 1});
  CHECK(mask("L:3", "T F T") == std::vector<double>{1, 0, 1});
}

TEST_CASE("fields: stress of six and nine numbers") {
  CHECK(builtin(good("stress=\"1 2 3 4 5 6\""), "stress") == std::vector<double>{1, 6, 5, 6, 2, 4, 5, 4, 3});
  CHECK(builtin(good("stress=\"1 2 3 4 5 6 7 8 9\""), "stress") == std::vector<double>{1, 4, 7, 2, 5, 8, 3, 6, 9});
  CHECK(builtin(good("stress=[[1,2,3],[4,5,6],[7,8,9]]"), "stress") == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto r = with("stress=\"1 2 3\"");
  CHECK_FALSE(has(r.frames.at(0), Kind::builtin, "stress"));
  CHECK(numbers(r.frames[0], Kind::molecule, "stress") == std::vector<double>{1, 2, 3});
  CHECK(r.notes.size() == 1);
}

TEST_CASE("fields: a virial becomes a stress") {
  for (const char* key :
       {"virial", "virials", "REF_virials", "REF_virial", "dft_virial", "dft_virials", "DFT_virial", "Virial"}) {
    const auto r = with(kBox + std::string(key) + "=\"8 0 0 0 16 0 0 0 24\"");
    CHECK(builtin(r.frames.at(0), "stress") == std::vector<double>{-1, 0, 0, 0, -2, 0, 0, 0, -3});
    CHECK_FALSE(has(r.frames[0], Kind::molecule, key));
    CHECK(r.mapped.count("stress from '" + std::string(key) + "' (-virial/volume)") == 1);
  }
  CHECK(bad("virial=\"8 0 0 0 16 0 0 0 24\"") ==
        "'virial' needs a cell with a volume to become a stress; --map stress=none keeps it as a property");
  const auto s = good("virial=\"8 0 0 0 16 0 0 0 24\"", "", "", map("stress", "none"));
  CHECK(has(s, Kind::molecule, "virial"));
}

TEST_CASE("fields: stress and pbc in capitals") {
  const auto s = good("Lattice=\"2 2 2\" PBC=\"T F T\" Stress=\"1 0 0 0 2 0 0 0 3\"");
  CHECK(builtin(s, "pbc") == std::vector<double>{1, 0, 1});
  CHECK(builtin(s, "stress") == std::vector<double>{1, 0, 0, 0, 2, 0, 0, 0, 3});
}

TEST_CASE("fields: cells") {
  CHECK(builtin(good("Lattice=\"1 2 3 4 5 6 7 8 9\""), "cell") == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(builtin(good("Lattice=[[1,2,3],[4,5,6],[7,8,9]]"), "cell") == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(builtin(good("Lattice=\"1 2 3\""), "cell") == std::vector<double>{1, 0, 0, 0, 2, 0, 0, 0, 3});
  CHECK(builtin(good("cell={1 2 3}"), "cell") == std::vector<double>{1, 0, 0, 0, 2, 0, 0, 0, 3});
  CHECK(has(good("cell=primitive"), Kind::molecule, "cell"));
  CHECK(bad("Lattice=\"1 2\"") ==
        "Lattice is '1 2', 9 numbers are needed (or 3 for a box); fix the file or pass --on-error skip");
  CHECK(with("Lattice=\"1 2 3\"").mapped.empty());
  CHECK(with("cell=\"1 2 3\"").mapped.count("cell from 'cell'") == 1);
}

TEST_CASE("fields: pbc in every spelling") {
  const auto pbc = [](std::string_view comment) { return builtin(good(comment), "pbc"); };
  const std::vector<double> ttf = {1, 1, 0}, all = {1, 1, 1}, none = {0, 0, 0};
  for (const char* c : {"pbc=\"T T F\"", "pbc=\"True True False\"", "pbc=[T,T,F]", "pbc=[true, true, false]",
                        "pbc=\"1 1 0\"", "pbc=[1,1,0]", "pbc=TTF", "pbc={T T F}", "pbc=\"T 1 0\""}) {
    CAPTURE(c);
    CHECK(pbc(c) == ttf);
  }
  CHECK(pbc("pbc=T") == all);
  CHECK(pbc("pbc=0") == none);
  CHECK(pbc("pbc=\"F\"") == none);
  CHECK(pbc("") == none);
  CHECK(pbc(kBox) == all);
  CHECK(pbc(std::string(kBox) + "pbc=\"F F F\"") == none);
  for (const char* c : {"pbc=x", "pbc=\"T T\"", "pbc=2", "pbc=1.0", "pbc=\"T T F F\"", "pbc=[1,1,2]", "pbc=TTX"}) {
    CAPTURE(c);
    CHECK(bad(c).find("three of T and F are needed") != std::string::npos);
  }
  CHECK_FALSE(has(good("pbc=T"), Kind::molecule, "pbc"));
}

TEST_CASE("fields: a plain frame has a pbc too") {
  const auto r = read_xyz("1\n\nH 0 0 0\n");
  CHECK(builtin(r.frames.at(0), "pbc") == std::vector<double>{0, 0, 0});
}

TEST_CASE("fields: a name is text") {
  CHECK(text(good("name=007"), Kind::builtin, "name") == "007");
  CHECK(text(good("name=\"a b\""), Kind::builtin, "name") == "a b");
  CHECK_FALSE(has(good("name=x"), Kind::molecule, "name"));
}

TEST_CASE("fields: values of the comment become properties") {
  const auto s = good(
      R"(i=5 r=2.5 b=T flag s=abc j="_JSON {\"a\": 1}" li="1 2" lr="1.5 2" lb="T F" ls=["x","y"] e=[] v=[[1.0,2,3],[4,5,6]] )"
      R"(iv=[[1,2,3]] m=[[1.0,2],[3,4]] big=9223372036854775808 name2=[[a,b],[c,d]])");
  CHECK(i64(s, Kind::molecule, "i") == 5);
  CHECK(f64(s, Kind::molecule, "r") == 2.5);
  CHECK(i64(s, Kind::molecule, "b") == 1);
  CHECK(i64(s, Kind::molecule, "flag") == 1);
  CHECK(text(s, Kind::molecule, "s") == "abc");
  CHECK(text(s, Kind::molecule, "j") == "{\"a\": 1}");
  CHECK(type(s, Kind::molecule, "li") == Type::i64_array);
  CHECK(type(s, Kind::molecule, "lr") == Type::f64_array);
  CHECK(type(s, Kind::molecule, "lb") == Type::i64_array);
  CHECK(text(s, Kind::molecule, "ls") == "[\"x\",\"y\"]");
  CHECK(text(s, Kind::molecule, "name2") == "[[\"a\",\"b\"],[\"c\",\"d\"]]");
  CHECK(type(s, Kind::molecule, "e") == Type::tensor_f64);
  CHECK(shape(s, Kind::molecule, "e") == std::vector<std::uint64_t>{0});
  CHECK(type(s, Kind::molecule, "v") == Type::vec3_f64);
  CHECK(type(s, Kind::molecule, "iv") == Type::tensor_i64);
  CHECK(type(s, Kind::molecule, "m") == Type::tensor_f64);
  CHECK(shape(s, Kind::molecule, "m") == std::vector<std::uint64_t>{2, 2});
  CHECK(f64(s, Kind::molecule, "big") == 9223372036854775808.0);
  CHECK(bad(std::string(256, 'k') + "=1").find("has more than 255 bytes") != std::string::npos);
}

TEST_CASE("fields: two sources that agree") {
  const auto r = with("energy=-1.5 REF_energy=-1.5000000001", ":forces:R:3:dft_forces:R:3", " 1 2 3 1 2 3");
  const Structure& s = r.frames.at(0);
  CHECK(builtin(s, "energy") == std::vector<double>{-1.5});
  CHECK(f64(s, Kind::molecule, "REF_energy") == -1.5000000001);
  CHECK(numbers(s, Kind::atom, "dft_forces") == std::vector<double>{1, 2, 3});
  CHECK(r.notes.size() == 2);
  CHECK(r.notes.count("'REF_energy' repeats 'energy' and stays a property; the energy is taken from 'energy'") == 1);
  const auto v = with(std::string(kBox) + "virial=\"8 0 0 0 16 0 0 0 24\" stress=\"-1 0 0 0 -2 0 0 0 -3\"");
  CHECK(v.mapped.count("stress from 'stress'") == 1);
  CHECK(has(v.frames.at(0), Kind::molecule, "virial"));
}

TEST_CASE("fields: two sources that differ") {
  CHECK(
      bad("energy=-1.5 REF_energy=-2") ==
      "'energy' and 'REF_energy' both look like the energy and differ (-1.5, -2); choose with --map energy=REF_energy");
  CHECK(bad("REF_energy=-2 energy=-1.5").starts_with("'energy' and 'REF_energy' both"));
  CHECK(bad("", ":forces:R:3:REF_forces:R:3", " 1 2 3 1 2 4") ==
        "'forces' and 'REF_forces' both look like the forces and differ (3, 4); choose with --map forces=REF_forces");
  CHECK(bad(std::string(kBox) + "virial=\"8 0 0 0 16 0 0 0 24\" stress=\"1 0 0 0 2 0 0 0 3\"")
            .starts_with("'stress' and 'virial' both look like the stress and differ (1, -1)"));
  CHECK(bad("Lattice=\"1 2 3\" cell=\"1 2 4\"").starts_with("'Lattice' and 'cell' both look like the cell"));
}

TEST_CASE("fields: --map chooses") {
  auto s = good("energy=-1.5 REF_energy=-2", "", "", map("energy", "REF_energy"));
  CHECK(builtin(s, "energy") == std::vector<double>{-2});
  CHECK(f64(s, Kind::molecule, "energy") == -1.5);
  s = good("energy=-1.5 U0=-2", "", "", map("energy", "U0"));
  CHECK(builtin(s, "energy") == std::vector<double>{-2});
  s = good("energy=-1.5", "", "", map("energy", "none"));
  CHECK_FALSE(has(s, Kind::builtin, "energy"));
  CHECK(f64(s, Kind::molecule, "energy") == -1.5);
  s = good("energy=-1.5", "", "", map("energy", "nowhere"));
  CHECK_FALSE(has(s, Kind::builtin, "energy"));
  s = good("", ":forces:R:3:f2:R:3", " 1 2 3 4 5 6", map("forces", "f2"));
  CHECK(builtin(s, "forces") == std::vector<double>{4, 5, 6});
  CHECK(numbers(s, Kind::atom, "forces") == std::vector<double>{1, 2, 3});
  s = good("id=x7", "", "", map("name", "id"));
  CHECK(text(s, Kind::builtin, "name") == "x7");
  const std::string both =
      std::string(kBox) + "w=\"8 0 0 0 16 0 0 0 24\" virial=\"8 0 0 0 8 0 0 0 8\" stress=\"1 0 0 0 2 0 0 0 3\"";
  CHECK(builtin(good(both, "", "", map("virial", "w")), "stress")[4] == -2);
  CHECK(builtin(good(both, "", "", map("stress", "virial")), "stress")[4] == -1);
  CHECK(builtin(good(both, "", "", map("stress", "w")), "stress")[4] == 16);
  CHECK(builtin(good(both, "", "", map("virial", "none")), "stress")[4] == 2);
}

TEST_CASE("fields: --map that cannot be followed") {
  CHECK(bad("energy=abc", "", "", map("energy", "energy"))
            .starts_with("'energy' cannot be the energy: its value 'abc' does not fit"));
  CHECK(bad("", ":f:R:1", " 1", map("forces", "f"))
            .starts_with("'f' cannot be the forces: 3 real numbers an atom are needed"));
  try {
    good("", "", "", map("energie", "x"));
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
  }
  ReadOptions two = map("stress", "a");
  two.map.emplace("virial", "b");
  CHECK_THROWS_AS(good("", "", "", two), Error);
}

TEST_CASE("fields: units") {
  auto r = with("energy=2 energy_unit=Hartree", "", "");
  check_near(builtin(r.frames.at(0), "energy"), {2 * kHartreeInEv});
  CHECK_FALSE(has(r.frames[0], Kind::molecule, "energy_unit"));
  CHECK(r.mapped.count("energy from 'energy' (Hartree to eV)") == 1);
  r = with("energy=2 energy_units=kcal/mol force_units=kcal/mol/A", ":forces:R:3", " 1 2 3");
  check_near(builtin(r.frames.at(0), "energy"), {2 * kKiloCaloriePerMoleInEv});
  check_near(builtin(r.frames[0], "forces"), {kKiloCaloriePerMoleInEv, 2 * kKiloCaloriePerMoleInEv, 3 * kKiloCaloriePerMoleInEv});
  CHECK_FALSE(has(r.frames[0], Kind::molecule, "energy_units"));
  r = with("energy=2 energy_unit=eV forces_unit=eV/A", ":forces:R:3", " 1 2 3");
  CHECK(builtin(r.frames.at(0), "energy") == std::vector<double>{2});
  CHECK(text(r.frames[0], Kind::molecule, "energy_unit") == "eV");
  CHECK(text(r.frames[0], Kind::molecule, "forces_unit") == "eV/A");
  r = with("forces_unit=\"Ha/Bohr\"", ":forces:R:3", " 1 2 3");
  check_near(builtin(r.frames.at(0), "forces"), {51.42206747632590, 2 * 51.42206747632590, 3 * 51.42206747632590});
  r = with("stress=\"1 1 1 0 0 0\" stress_unit=GPa");
  CHECK(builtin(r.frames.at(0), "stress")[0] == doctest::Approx(0.006241509074).epsilon(1e-9));
  CHECK(r.mapped.count("stress from 'stress' (GPa to eV/A^3)") == 1);
  r = with("Lattice=\"1 1 1\" pos_unit=bohr");
  check_near(positions(r.frames.at(0)), {kBohrInAngstrom, 2 * kBohrInAngstrom, 3 * kBohrInAngstrom});
  CHECK(builtin(r.frames[0], "cell")[0] == kBohrInAngstrom);
  CHECK(r.mapped.count("positions from 'pos' (bohr to A)") == 1);
  CHECK(bad("energy=1 energy_unit=furlong").starts_with("'energy_unit' is 'furlong', which is no unit atp knows"));
  CHECK(text(good("energy_unit=furlong"), Kind::molecule, "energy_unit") == "furlong");
  CHECK(builtin(good("dftb_energy_eV=2 energy_unit=Hartree"), "energy") == std::vector<double>{2});
}

TEST_CASE("a matrix in quotes, as ASE writes it, is a stress or a virial and elsewhere a text") {
  const auto read = [](const char* stress) { return read_xyz(fmt::format("1\nLattice=\"2 0 0 0 2 0 0 0 2\" Properties=species:S:1:pos:R:3 stress=\"{0}\" note=\"{0}\"\nH 0 0 0\n", stress)); };
  const auto r = read("[[1, 2, 3], [ 4,5.5,6] ,[7, 8, -9e-1]]");
  REQUIRE(r.frames.size() == 1);
  CHECK(numbers(r.frames[0], Kind::builtin, "stress") == std::vector<double>{1, 2, 3, 4, 5.5, 6, 7, 8, -0.9});
  CHECK(text(r.frames[0], Kind::molecule, "note") == "[[1, 2, 3], [ 4,5.5,6] ,[7, 8, -9e-1]]");
  for (const char* const other : {"[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4, 5, 6], [7, 8, 9]", "[[1, 2, x], [4, 5, 6], [7, 8, 9]]", "[1, 2, 3]", "[", ""}) {
    CAPTURE(other);
    const auto not_read = read(other);
    REQUIRE(not_read.frames.size() == 1);
    CHECK_FALSE(has(not_read.frames[0], Kind::builtin, "stress"));
  }
}

// Names that say what a value is of.
#include <doctest/doctest.h>

#include "formats/format.h"
#include "formats/value_names.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

TEST_CASE("names of values of a frame") {
  for (const char* name : {"dipole", "scf_dipole", "Dipole_Moment", "polarizability", "wb97x_dz.quadrupole", "kpts", "k_points", "KPOINTS", "homo", "homo_lumo", "lumo_ev",
                           "rotational_constants", "gap", "band_gap", "bandgap", "fft_grid", "mesh", "frequencies", "stress", "nelect"}) {
    INFO(name);
    CHECK(is_name_of_frame(name, 1));
  }
  for (const char* name : {"charges", "mulliken_charges", "magmoms", "atomic_dipole", "atom_dipole", "mbis_dipoles", "atomic_virial", "energy_per_atom", "constraints", "gap_force",
                           "hirshfeld_dipoles", "forces", "spins", "meshed", ""}) {
    INFO(name);
    CHECK_FALSE(is_name_of_frame(name, 1));
  }
}

TEST_CASE("a tensor with a dimension too many is the atoms'") {
  CHECK_FALSE(is_name_of_frame("dipoles", 2));
  CHECK(is_name_of_frame("quadrupole", 2));
  CHECK_FALSE(is_name_of_frame("quadrupole", 3));
  CHECK_FALSE(is_name_of_frame("polarizability", 3));
  CHECK(is_name_of_frame("stress", 2));
  CHECK_FALSE(is_name_of_frame("stresses", 2));
}

TEST_CASE("ase: a mesh of k-points is the row's, though it has as many numbers as the row has atoms") {
  const TempDir dir;
  const std::string row = R"("numbers": [1, 1, 1], "positions": [[0, 0, 0], [0, 0, 1], [0, 0, 2]], "cell": [[9, 0, 0], [0, 9, 0], [0, 0, 9]], "pbc": [true, true, true])";
  write_text(dir / "a.json", "{\"1\": {" + row + R"(, "data": {"kpts": [4, 4, 4], "spins": [1, 2, 3]}}, "ids": [1], "nextid": 2})");
  const ReadFrames r = read_all(*open_input(dir / "a.json", "ase-json", {}));
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 1);
  CHECK(r.frames[0].find(Kind::molecule, "kpts") != nullptr);
  CHECK(r.frames[0].find(Kind::atom, "spins") != nullptr);
}

TEST_CASE("bond orders are numbers of pairs, of one type for one atom and for three") {
  CHECK(is_name_of_pairs("mayer_indices"));
  CHECK(is_name_of_pairs("Wiberg_Lowdin_Indices"));
  CHECK_FALSE(is_name_of_pairs("mbis_charges"));
  const TempDir dir;
  const std::string cell = R"("cell": [[9, 0, 0], [0, 9, 0], [0, 0, 9]], "pbc": [true, true, true], )";
  write_text(dir / "b.json", "{\"1\": {\"numbers\": [1], \"positions\": [[0, 0, 0]], " + cell + R"("data": {"mayer_indices": [[0.5]]}},)" +
                                 "\"2\": {\"numbers\": [1, 1, 1], \"positions\": [[0, 0, 0], [0, 0, 1], [0, 0, 2]], " + cell +
                                 R"("data": {"mayer_indices": [[0.5, 1.5, 2.5], [1.5, 0.5, 0.25], [2.5, 0.25, 0.5]]}}, "ids": [1, 2], "nextid": 3})");
  const ReadFrames r = read_all(*open_input(dir / "b.json", "ase-json", {}));
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 2);
  for (const Structure& s : r.frames) {
    const auto* const found = s.find(Kind::atom, "mayer_indices");
    REQUIRE(found != nullptr);
    CHECK(found->type == Type::tensor_f64);
  }
}

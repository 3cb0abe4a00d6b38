// Files of VASP, CIF, cube, NumPy, HDF5 and DeePMD that other programs wrote, against expected.json. Both lie
// beside the source tree and are not part of it.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "core/base/error.h"
#include "core/chem/units.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"
#include "tests/support/shared_data.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;
using simdjson::dom::element;

namespace {

// What the numbers of the facts, which are as stored, are multiplied with.
struct Factors {
  double energy = 1, forces = 1, length = 1;
};

Factors factors_of(std::string_view name) {
  const auto has = [&](const char* part) { return name.find(part) != std::string_view::npos; };
  if (has(".npz")) return {kKiloCaloriePerMoleInEv, kKiloCaloriePerMoleInEv, 1};
  if (has("SPICE")) return {kHartreeInEv, kHartreeInEv / kBohrInAngstrom, kBohrInAngstrom};
  if (has("ani2x")) return {kHartreeInEv, kHartreeInEv, 1};
  return {};
}

void check(element facts, const char* key, double got, double factor) {
  double want = 0;
  if (facts[key].get(want) != simdjson::SUCCESS) return;
  CAPTURE(key);
  CHECK_MESSAGE(std::fabs(got - want * factor) <= 2e-6 * std::max(1.0, std::fabs(want * factor)), got << " is not " << want * factor);
}

void check_facts(const std::string& path, element facts, const Factors& f) {
  const ReadFrames r = read_all(*open_input(path, "", {}));
  for (const std::string& bad : r.bad) FAIL(bad);
  REQUIRE_FALSE(r.frames.empty());
  double atoms = 0, norm = 0, sum = 0;
  for (const Structure& s : r.frames) {
    atoms += static_cast<double>(s.n_atoms());
    for (const double x : positions(s)) sum += x;
    if (!has(s, Kind::builtin, "forces")) continue;
    const auto v = numbers(s, Kind::builtin, "forces");
    for (std::size_t i = 0; i < v.size(); i += 3) norm += std::sqrt(v[i] * v[i] + v[i + 1] * v[i + 1] + v[i + 2] * v[i + 2]);
  }
  const auto frames = static_cast<double>(r.frames.size());
  check(facts, "n_frames", frames, 1);
  check(facts, "total_atoms", atoms, 1);
  check(facts, "n_atoms_in_cell", atoms, 1);
  check(facts, "natoms", atoms / frames, 1);
  check(facts, "n", atoms, 1);
  check(facts, "sum_of_all_positions", sum, f.length);
  check(facts, "sum_force_norm", norm, f.forces);
  const Structure& first = r.frames.front();
  if (has(first, Kind::builtin, "energy")) {
    check(facts, "energy_first", f64(first, Kind::builtin, "energy"), f.energy);
    check(facts, "energy_last", f64(r.frames.back(), Kind::builtin, "energy"), f.energy);
  }
  element at;
  if (facts["first_position"].get(at) == simdjson::SUCCESS) {
    std::size_t i = 0;
    for (const element x : simdjson::dom::array(at)) CHECK(std::fabs(positions(first)[i++] - double(x) * f.length) < 1e-5);
  }
  for (const char* key : {"cell", "cell_first", "cell_A"}) {
    simdjson::dom::array rows;
    if (facts[key].get(rows) != simdjson::SUCCESS) continue;
    std::vector<double> want;
    for (const element row : rows) {
      if (!row.is_array()) {
        want.push_back(double(row));
        continue;
      }
      for (const element x : simdjson::dom::array(row)) want.push_back(double(x));
    }
    const auto got = numbers(first, Kind::builtin, "cell");
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < 9; ++i) CHECK_MESSAGE(std::fabs(got[i] - want[i]) < 1e-5, key << " " << i << ": " << got[i] << " is not " << want[i]);
  }
}

bool in_this_build(std::string_view name) {
  if (name.ends_with(".cif")) return format_named("cif").missing.empty();
  if (name.ends_with("5")) return format_named("hdf5").missing.empty() || name.find("OUTCAR") != std::string_view::npos;
  return true;
}

}  // namespace

TEST_CASE("data: files of VASP, CIF, cube, NumPy, HDF5 and DeePMD say what other readers found") {
  const auto folder = shared_data();
  if (!folder) return;
  simdjson::dom::parser parser;
  const element expected = parser.load((*folder / "expected.json").string());
  int compared = 0;
  for (const auto& file : simdjson::dom::object(expected)) {
    const std::string_view name = file.key;
    const auto of = [&](const char* group) { return name.starts_with(group); };
    if (!of("vasp-cif/") && !of("volumetric/") && !of("deepmd/") && !of("hdf5-npz/") && !of("lmdb/deepmd") && name.find("POSCAR") == std::string_view::npos) continue;
    const fs::path path = *folder / name;
    if (!fs::exists(path) || !in_this_build(name)) continue;
    CAPTURE(name);
    element facts = file.value["facts"], second;
    // ASE does not read a negative scale, symbols over several lines, and CHGCAR and OUTCAR only in part.
    const bool other = name.ends_with("pymatgen-core/POSCAR") || name.find("multilines") != std::string_view::npos || name.find("OUTCAR") != std::string_view::npos || of("volumetric/");
    if (other && facts["second_reader"].get(second) == simdjson::SUCCESS) facts = second;
    check_facts(path.string(), facts, factors_of(name));
    ++compared;
  }
  CHECK(compared >= 28);
}

namespace {

// Cubic silicon or what `sites` says, with these lines on its symmetry.
std::string cif_with(const std::string& symmetry, const std::string& sites = "Si1 Si 0 0 0\n") {
  return "data_si\n_cell_length_a 5.43\n_cell_length_b 5.43\n_cell_length_c 5.43\n_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n" + symmetry +
         "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n" + sites;
}

ReadFrames read_cif(const std::string& text) {
  const TempDir dir;
  write_text(dir / "s.cif", text);
  return read_all(*open_input(dir / "s.cif", "", {}));
}

}  // namespace

TEST_CASE("cif: listed operations come before names, and an unknown group is refused") {
  if (!format_named("cif").missing.empty()) return;
  const auto atoms = [](const std::string& symmetry) {
    const ReadFrames r = read_cif(cif_with(symmetry));
    return r.frames.empty() ? 0u : r.frames[0].n_atoms();
  };
  // A name that no table has, with its operations beside it; in every way of writing them.
  CHECK(atoms("_symmetry_space_group_name_H-M 'F d 3 m'\nloop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\nx,1/2+y,1/2+z\n'+X + .5, Y, 0.5+z'\nx+1/2,y+1/2,z\n") == 4);
  CHECK(atoms("_space_group_name_H-M_alt 'P 1'\nloop_\n_space_group_symop_id\n_space_group_symop_operation_xyz\n1 x,y,z\n2 'x+1/2, y+1/2, z+1/2'\n") == 2);
  CHECK(atoms("_space_group_name_Hall '-F 4vw 2vw 3'\n") == 16);
  CHECK(atoms("_space_group_name_Hall 'no such'\n_symmetry_space_group_name_H-M 'F m -3 m'\n") == 4);
  CHECK(atoms("_symmetry_Int_Tables_number 225\n") == 4);
  CHECK(atoms("_symmetry_Int_Tables_number 1\n") == 1);
  // Magnetic: operations with time reversal, and centerings.
  CHECK(atoms("loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,-1\nloop_\n_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx+1/2,y+1/2,z+1/2,-1\n") == 2);

  const ReadFrames named = read_cif(cif_with("_symmetry_space_group_name_H-M 'F d -3 m'\n"));
  CHECK(named.frames.at(0).n_atoms() == 8);
  CHECK(named.notes.count("no symmetry operations are listed, those of 'F d -3 m:1' are taken") == 1);
  CHECK(read_cif(cif_with("")).notes.count("no symmetry is stated, the atoms that are listed are taken as all of the cell") == 1);

  const ReadFrames unknown = read_cif(cif_with("_symmetry_space_group_name_H-M 'F d 3 m'\n"));
  REQUIRE(unknown.bad.size() == 1);
  CHECK(unknown.bad[0].find("the space group 'F d 3 m' is not known, and its operations are not listed") != std::string::npos);
  for (const char* bad : {"'x,y'", "'x,y,'", "'x,y,z,w'", "'x,y,1/0+z'", "'x,x,z'", "'x,y,z+1e9'", "'2x y,y,z'", "'99999999999999999999x,y,z'"}) {
    CAPTURE(bad);
    const ReadFrames r = read_cif(cif_with(std::string("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n") + bad + "\n"));
    REQUIRE(r.bad.size() == 1);
    CHECK(r.bad[0].find("is none") != std::string::npos);
  }
  std::string many = "loop_\n_symmetry_equiv_pos_as_xyz\n";
  for (int k = 0; k < 5000; ++k) many += "'x,y,z'\n";
  CHECK(read_cif(cif_with(many)).bad.at(0).find("more than 4096 symmetry operations") != std::string::npos);
}

TEST_CASE("cif: symmetry is expanded, disorder refused") {
  if (!format_named("cif").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("vasp/1011031.cif"), "", {}));
  REQUIRE(r.frames.size() == 1);
  CHECK(r.frames[0].n_atoms() == 8);
  const TempDir dir;
  write_text(dir / "d.cif",
             "data_a\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
             "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\nFe1 Fe 0 0 0 0.5\n");
  const ReadFrames bad = read_all(*open_input(dir / "d.cif", "", {}));
  REQUIRE(bad.bad.size() == 1);
  CHECK(bad.bad[0].find("is disordered: site 'Fe1' has the occupancy 0.5") != std::string::npos);
  const std::string whole = read_text(test::data("vasp/1011031.cif"));
  for (std::size_t n = 10; n < whole.size(); n += 37) {
    write_text(dir / "c.cif", whole.substr(0, n));
    try {
      read_all(*open_input(dir / "c.cif", "cif", {}));
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
    }
  }
}

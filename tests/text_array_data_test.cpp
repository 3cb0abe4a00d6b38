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
  for (const auto& [name, value] : simdjson::dom::object(expected)) {
    const auto of = [&](const char* group) { return name.starts_with(group); };
    if (!of("vasp-cif/") && !of("volumetric/") && !of("deepmd/") && !of("hdf5-npz/") && !of("lmdb/deepmd") && name.find("POSCAR") == std::string_view::npos) continue;
    const fs::path path = *folder / name;
    if (!fs::exists(path) || !in_this_build(name)) continue;
    CAPTURE(name);
    element facts = value["facts"], second;
    // ASE does not read a negative scale, symbols over several lines, and CHGCAR and OUTCAR only in part.
    const bool other = name.ends_with("pymatgen-core/POSCAR") || name.find("multilines") != std::string_view::npos || name.find("OUTCAR") != std::string_view::npos || of("volumetric/");
    if (other && facts["second_reader"].get(second) == simdjson::SUCCESS) facts = second;
    check_facts(path.string(), facts, factors_of(name));
    ++compared;
  }
  CHECK(compared >= 28);
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

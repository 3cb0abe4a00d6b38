// The readers of databases, JSON and pickles on small files of other programs (tests/data/README.md).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "core/chem/units.h"
#include "formats/format.h"
#include "formats/json_cutter.h"
#include "formats/lmdb_file.h"
#include "formats/pickle.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

std::string file(std::string_view name) { return test::data("formats/" + std::string(name)); }

ReadFrames read(std::string_view name, const ReadOptions& options = {}) { return read_all(*open_input(file(name), "", options)); }

double energy(const Structure& s) { return f64(s, Kind::builtin, "energy"); }

double force_norms(const ReadFrames& r) {
  double sum = 0;
  for (const Structure& s : r.frames) {
    const auto f = numbers(s, Kind::builtin, "forces");
    for (std::size_t i = 0; i + 2 < f.size(); i += 3) sum += std::sqrt(f[i] * f[i] + f[i + 1] * f[i + 1] + f[i + 2] * f[i + 2]);
  }
  return sum;
}

ReadFrames read_json(std::string_view text, std::string_view name = "x.json", const ReadOptions& options = {}) {
  const TempDir dir;
  const std::string path = dir / name;
  write_text(path, text);
  return read_all(*open_input(path, "", options));
}

std::string refusal(std::string_view text) {
  try {
    const auto r = read_json(text);
    return r.bad.empty() ? "" : r.bad.front();
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return e.what();
  }
}

bool mentions(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("ase-db: schema versions 8 and 9") {
  const auto v8 = read("bulks_v8.db");
  REQUIRE(v8.frames.size() == 2);
  CHECK(energy(v8.frames[0]) == doctest::Approx(-15.82226524));
  CHECK(energy(v8.frames[1]) == doctest::Approx(-56.22251384));
  CHECK(text(v8.frames[0], Kind::molecule, "mpid") == "mp-930");
  CHECK(i64(v8.frames[1], Kind::molecule, "id") == 20);
  CHECK(numbers(v8.frames[0], Kind::builtin, "velocities") == std::vector<double>(6));
  CHECK(v8.mapped.contains("velocities from 'momenta' (momenta/masses, in sqrt(eV/u))"));
  CHECK(has(v8.frames[0], Kind::atom, "tags"));

  const auto v9 = read("mptraj_v9.db");
  REQUIRE(v9.frames.size() == 2);
  CHECK(energy(v9.frames[0]) == doctest::Approx(-73.4299391));
  const auto stress = numbers(v9.frames[0], Kind::builtin, "stress");
  CHECK(stress[0] == doctest::Approx(0.00429188155708));
  CHECK(stress[1] == doctest::Approx(1.12458824864e-05));  // xy, the sixth of Voigt's
  CHECK(stress[5] == doctest::Approx(5.21758955378e-07));  // yz, the fourth
}

TEST_CASE("ase-db: SchNetPack's units count when a property is taken for a field") {
  const auto plain = read("qm9.db");
  REQUIRE(plain.frames.size() == 2);
  CHECK_FALSE(has(plain.frames[0], Kind::builtin, "energy"));
  CHECK_FALSE(has(plain.frames[0], Kind::builtin, "cell"));
  const double u0 = f64(plain.frames[0], Kind::molecule, "energy_U0");
  ReadOptions options;
  options.map["energy"] = "energy_U0";
  const auto taken = read("qm9.db", options);
  CHECK(energy(taken.frames[0]) == doctest::Approx(u0 * kHartreeInEv));
  CHECK(taken.mapped.contains("energy from 'energy_U0' (Ha to eV, by the database's metadata)"));
  options.units["energy"] = "kcal/mol";
  CHECK(energy(read("qm9.db", options).frames[0]) == doctest::Approx(u0 * kKiloCaloriePerMoleInEv));
}

TEST_CASE("aselmdb: both value forms give the rows of the SQLite file") {
  const auto lists = read("mptraj10_plainlists.aselmdb"), arrays = read("mptraj10_asejson.aselmdb"), sql = read("mptraj_v9.db");
  REQUIRE(lists.frames.size() == 10);
  REQUIRE(arrays.frames.size() == 10);
  CHECK(force_norms(lists) == doctest::Approx(73.6699026343));
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(lists.frames[i].positions == arrays.frames[i].positions);
    CHECK(numbers(lists.frames[i], Kind::builtin, "stress") == numbers(arrays.frames[i], Kind::builtin, "stress"));
    CHECK(i64(lists.frames[i], Kind::molecule, "id") == static_cast<std::int64_t>(i) + 1);
  }
  CHECK(lists.frames[0].positions == sql.frames[0].positions);
  CHECK(lists.frames[2].positions == sql.frames[1].positions);
}

TEST_CASE("ase-json: both array forms, constraints, momenta, a cell object") {
  const auto r = read_json(R"({"1": {"numbers": [8, 1], "positions": {"__ndarray__": [[2, 3], "float64", [0, 0, 0, 0.0, 0.0, 1.0]]},
      "cell": {"array": {"__ndarray__": [[3, 3], "float64", [4.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 6.0]]}, "pbc": [true, true, false], "__ase_objtype__": "cell"},
      "pbc": [true, true, false], "momenta": [[0, 0, 15.999], [0, 0, 0]], "constraints": [{"name": "FixAtoms", "kwargs": {"indices": [1]}}],
      "energy": -1.5, "forces": [[0, 0, 1], [0, 0, -1]], "key_value_pairs": {"relaxed": true, "note": "x"}, "data": {"gap": NaN, "energy": 7}},
    "3": {"numbers": [2], "positions": [[0.5, 0, 0]]}, "ids": [1, 3], "nextid": 4})");
  REQUIRE(r.frames.size() == 2);
  const Structure& s = r.frames[0];
  CHECK(elements(s) == std::vector<int>{8, 1});
  CHECK(numbers(s, Kind::builtin, "cell")[8] == 6);
  CHECK(numbers(s, Kind::builtin, "velocities")[2] == doctest::Approx(1));
  CHECK(numbers(s, Kind::atom, "move_mask") == std::vector<double>{1, 1, 1, 0, 0, 0});
  CHECK(energy(s) == -1.5);
  CHECK(i64(s, Kind::molecule, "relaxed") == 1);
  CHECK(i64(s, Kind::molecule, "data.energy") == 7);
  CHECK(i64(r.frames[1], Kind::molecule, "id") == 3);
  CHECK(mentions(refusal(R"({"1": {"numbers": [8, 1], "positions": [[0, 0, 0]]}, "ids": [1]})"), "row 1: 'positions' has 1 x 3 values for 2 atoms"));
  CHECK(mentions(refusal(R"({"1": {"numbers": [1], "positions": {"__ndarray__": [[4000000000, 3], "float64", [0, 0, 0]]}}, "ids": [1]})"), "its shape needs"));
}

TEST_CASE("ase-json: directions of FixScaled are those of the cell") {
  const auto row = [](std::string_view constraints) {
    const auto r = read_json(fmt::format(R"({{"1": {{"numbers": [8, 1], "positions": [[0, 0, 0], [0, 0, 1]], "cell": [[2, 0, 0], [1, 2, 0], [0, 0, 2]],
      "pbc": [true, true, true], "constraints": [{}]}}, "ids": [1], "nextid": 2}})", constraints));
    REQUIRE(r.frames.size() == 1);
    return r.frames[0];
  };
  const std::string scaled = R"({"name": "FixScaled", "kwargs": {"a": 0, "cell": [[2, 0, 0], [1, 2, 0], [0, 0, 2]], "mask": [true, false, false]}})";
  const std::string cartesian = R"({"name": "FixCartesian", "kwargs": {"a": 1, "mask": [false, true, false]}})";
  const Structure lattice = row(scaled), axes = row(cartesian), both = row(scaled + ", " + cartesian);
  CHECK(text(lattice, Kind::molecule, "move_mask_axes") == "lattice");
  CHECK(numbers(lattice, Kind::atom, "move_mask") == std::vector<double>{0, 1, 1, 1, 1, 1});
  CHECK_FALSE(has(axes, Kind::molecule, "move_mask_axes"));
  CHECK(numbers(axes, Kind::atom, "move_mask") == std::vector<double>{1, 1, 1, 1, 0, 1});
  CHECK_FALSE(has(both, Kind::molecule, "move_mask_axes"));
  CHECK(text(both, Kind::molecule, "constraints").find("FixScaled") != std::string::npos);
}

TEST_CASE("json: maml, ALIGNN, a trajectory") {
  const auto maml = read("maml.json");
  REQUIRE(maml.frames.size() == 2);
  CHECK(energy(maml.frames[0]) == doctest::Approx(-539.80255298));
  const auto stress = numbers(maml.frames[0], Kind::builtin, "stress");
  CHECK(stress[0] == doctest::Approx(-6.241509e-4 * 210.13642));
  CHECK(stress[1] == doctest::Approx(-6.241509e-4 * -6.23697));  // VASP's fourth is xy
  CHECK(maml.mapped.contains("stress from 'virial_stress' (kB with VASP's sign to eV/A^3)"));

  const auto alignn = read("alignn.json");
  CHECK(energy(alignn.frames[0]) == doctest::Approx(-29.31309578 * 10));
  CHECK_FALSE(has(alignn.frames[0], Kind::builtin, "stress"));
  ReadOptions options;
  options.units["stress"] = "GPa";
  CHECK(numbers(read("alignn.json", options).frames[0], Kind::builtin, "stress")[0] == doctest::Approx(2.88305236 * kGigaPascalInEvPerAngstrom3));

  const auto trajectory = read("trajectory.json.gz");
  REQUIRE(trajectory.frames.size() == 2);
  CHECK(energy(trajectory.frames[1]) == doctest::Approx(-58.5936470032));
  CHECK(force_norms(trajectory) == doctest::Approx(4.78924344762));
}

namespace {

constexpr std::string_view kSite = R"({"species": [{"element": "Fe", "occu": 1}], "abc": [0.5, 0, 0], "label": "Fe", "properties": {"magmom": 2.5}})";

std::string structure_of(std::string_view site) {
  return fmt::format(R"({{"@class": "Structure", "charge": 0, "lattice": {{"matrix": [[2, 0, 0], [0, 2, 0], [0, 0, 2]]}}, "sites": [{}]}})", site);
}

}  // namespace

TEST_CASE("json: MPtrj's dictionary of dictionaries, with VASP's stress") {
  const std::string frame = fmt::format(
      R"({{"structure": {}, "uncorrected_total_energy": -8.5, "corrected_total_energy": -9.0, "force": [[0, 0, 0.25]], "stress": [[10, 1, 2], [1, 20, 3], [2, 3, 30]], "magmom": null, "mp_id": "mp-1"}})",
      structure_of(kSite));
  const auto r = read_json(fmt::format(R"({{"mp-1": {{"a-0-0": {0}, "a-0-1": {0}}}, "mp-{{2\"": {{"b-0-0": {0}}}}})", frame));
  REQUIRE(r.frames.size() == 3);
  const Structure& s = r.frames[2];
  CHECK(energy(s) == -8.5);
  CHECK(positions(s) == std::vector<double>{1, 0, 0});
  CHECK(numbers(s, Kind::builtin, "stress")[5] == doctest::Approx(-6.241509e-4 * 3));
  CHECK(numbers(s, Kind::builtin, "forces")[2] == 0.25);
  CHECK(f64(s, Kind::molecule, "corrected_total_energy") == -9);
  CHECK(text(s, Kind::molecule, "key") == "b-0-0");
  CHECK_FALSE(has(s, Kind::atom, "magmom"));  // the frame's is null; its sites' is another's
  CHECK(r.notes.contains("frames whose 'magmom' is null have none: that of their sites is not the frame's"));
}

TEST_CASE("json: MatPES, task documents, isolated atoms, JSON lines") {
  const std::string s = structure_of(kSite);
  const auto matpes = read_json(fmt::format(R"([{{"matpes_id": "m", "structure": {}, "energy": -8, "forces": [[0, 0, 1]], "stress": [1, 2, 3, 4, 5, 6], "bandgap": 0.5}}])", s));
  CHECK(numbers(matpes.frames.at(0), Kind::builtin, "stress")[1] == doctest::Approx(-6.241509e-4 * 6));
  const std::string step = fmt::format(R"({{"structure": {}, "forces": [[0, 0, 1]], "stress": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "e_0_energy": -3, "e_fr_energy": -4}})", s);
  const auto task = read_json(fmt::format(R"({{"calcs_reversed": [{{"output": {{"ionic_steps": [{0}]}}}}, {{"output": {{"ionic_steps": [{0}, {0}]}}}}], "structure": {1}}})", step, s));
  REQUIRE(task.frames.size() == 3);
  CHECK(energy(task.frames[0]) == -3);
  CHECK(i64(task.frames[0], Kind::molecule, "e_fr_energy") == -4);
  CHECK(read_json(s + "\n" + s + "\n", "x.jsonl").frames.size() == 2);
}

TEST_CASE("json: a stress of unknown unit and sign is kept as written") {
  const std::string record = fmt::format(R"([{{"structure": {}, "energy": -8, "forces": [[0, 0, 1]], "stress": [[1, 0, 0], [0, 2, 0], [0, 0, 3]], "ref_stress": [1, 2, 3, 4, 5, 6]}}])", structure_of(kSite));
  const auto r = read_json(record);
  CHECK(energy(r.frames.at(0)) == -8);
  CHECK_FALSE(has(r.frames[0], Kind::builtin, "stress"));
  CHECK(numbers(r.frames[0], Kind::molecule, "stress_as_written")[8] == 3);
  CHECK(has(r.frames[0], Kind::molecule, "ref_stress_as_written"));
  CHECK(r.notes.contains("the file does not say which unit and sign its stress has: kept as stress_as_written; --units stress=UNIT takes it, with ASE's sign (--units stress=-kB for VASP's)"));
  ReadOptions options;
  options.units["stress"] = "-kB";
  options.map["stress"] = "stress";
  CHECK(numbers(read_json(record, "x.json", options).frames.at(0), Kind::builtin, "stress")[4] == doctest::Approx(-6.241509e-4 * 2));
}

TEST_CASE("json: lists side by side are a table where they are named for fields, and else refused by name") {
  const std::string one = structure_of(kSite);
  const std::string lists = fmt::format(R"({{"structure": [{0}, {0}], "energy": [-1, -2], "force": [[[0, 0, 1]], [[0, 0, 2]]], "note": "x"}})", one);
  const auto r = read_json(lists);
  REQUIRE(r.frames.size() == 2);
  CHECK(energy(r.frames[1]) == -2);
  CHECK(numbers(r.frames[1], Kind::builtin, "forces") == std::vector<double>{0, 0, 2});
  CHECK(text(r.frames[0], Kind::molecule, "note") == "x");
  CHECK(read_json(R"({"mp-1": )" + lists + "}").frames.size() == 2);
  CHECK(mentions(refusal(fmt::format(R"({{"structure": [{0}, {0}], "steps": [-1, -2], "note": "x"}})", one)), "is lists side by side: 'structure' has 2 structures, 'steps' as many items"));
  CHECK(read_json(fmt::format(R"({{"structure": [{0}, {0}], "note": "x"}})", one)).frames.size() == 2);
  // The same with the records in a list of their own, before and behind the others; lists of other lengths are something else.
  const std::string beside = R"("energies": [-1, -2], "stresses": [[1,2,3,4,5,6], null], "forces": [[[0, 0, 1]], [[0, 0, 2]]])";
  const std::string records = fmt::format(R"("structures": [{0}, {0}])", one);
  for (const std::string& text : {"{" + records + ", " + beside + "}", "{" + beside + ", " + records + "}"}) {
    const auto both = read_json(text);
    REQUIRE(both.frames.size() == 2);
    CHECK(energy(both.frames[0]) == -1);
    CHECK(numbers(both.frames[1], Kind::builtin, "forces") == std::vector<double>{0, 0, 2});
    CHECK(has(both.frames[0], Kind::molecule, "stress_as_written"));
    CHECK_FALSE(has(both.frames[1], Kind::molecule, "stress_as_written"));
  }
  CHECK(read_json("{" + records + R"(, "authors": ["a", "b", "c"], "empty": [], "version": 1})").frames.size() == 2);
  CHECK(mentions(refusal("{" + records + R"(, "steps": [1, 2]})"), "has lists of 2 items beside its records, which would be lost: 'steps'"));
  CHECK(mentions(refusal("{" + records + R"(, "energies": [1, 2], "forces": [1]})"), "is a table whose columns do not fit: 'structures' has 2 structures, 'forces' has 1"));
}

TEST_CASE("json: structures that do not lie as deep as the others are not lost without a word") {
  const std::string one = structure_of(kSite), record = R"({"structure": )" + one + R"(, "energy": -1})", list = "[" + record + ", " + record + "]";
  for (const std::string& text : {R"({"all": )" + list + R"(, "best": )" + record + "}", R"({"best": )" + one + R"(, "all": )" + list + "}", "[" + list + ", " + record + "]",
                                  R"({"train": )" + list + R"(, "more": {"test": )" + list + "}}"}) {
    CAPTURE(text);
    CHECK(mentions(refusal(text), "has a structure that does not lie as deep as its other records"));
  }
  CHECK(read_json(R"({"train": )" + list + R"(, "test": )" + list + R"(, "about": {"more": {"structure": "relaxed", "sites": 1}}})").frames.size() == 4);
  CHECK(read_json(R"({"mp-1": {"mp-1-0": )" + record + R"(}, "mp-2": {"mp-2-0": )" + record + "}}").frames.size() == 2);
}

TEST_CASE("json: values around the object with the structure belong to the frame") {
  const std::string one = structure_of(kSite), values = R"("energy": -1, "forces": [[0, 0, 1]])";
  const std::string entry = R"({"@class": "ComputedStructureEntry", "structure": )" + one + R"(, "entry_id": "e", "energy": -1, "forces": [[0, 0, 1]]})";
  const std::string final = R"({"id": "a", "final_structure": )" + one + ", " + values + "}", atoms = R"({"atoms": )" + one + R"(, "id": "a", )" + values + "}";
  const std::string wrapped = R"({"id": "a", "entry": )" + entry + R"(, "note": null})", deep = R"({"x": {"y": )" + entry + R"(}, "id": "a"})";
  for (const std::string& record : {final, atoms, wrapped, deep}) {
    for (const std::string& document : {"[" + record + ", " + record + "]", record + "\n" + record + "\n", R"({"mp-1": )" + record + R"(, "mp-2": )" + record + "}",
                                        R"({"version": 1, "data": [)" + record + ", " + record + "]}"}) {
      CAPTURE(document);
      const auto r = read_json(document);
      REQUIRE(r.frames.size() == 2);
      for (const Structure& frame : r.frames) {
        CHECK(energy(frame) == -1);
        CHECK(numbers(frame, Kind::builtin, "forces") == std::vector<double>{0, 0, 1});
        CHECK(text(frame, Kind::molecule, "id") == "a");
        CHECK(has(frame, Kind::molecule, "entry_id") == (record == wrapped || record == deep));
      }
      CHECK(has(r.frames[1], Kind::molecule, "key") == document.starts_with("{\"mp"));
    }
    CHECK(energy(read_json(record).frames.at(0)) == -1);
  }
  // What stands twice is said; of several structures, which one the values belong to is not known.
  const auto twice = read_json(R"([{"energy": -2, "entry_id": "e", "entry": )" + entry + "}]");
  CHECK(energy(twice.frames.at(0)) == -1);
  CHECK(twice.notes == std::set<std::string>{"'energy' beside 'entry' is not the 'energy' in it and is left out"});
  const auto two = read_json(fmt::format(R"([{{"id": "a", "initial_structure": {0}, "final_structure": {0}, "energy": -1}}])", one));
  REQUIRE(two.frames.size() == 2);
  CHECK(text(two.frames[1], Kind::molecule, "key") == "final_structure");
  CHECK_FALSE(has(two.frames[1], Kind::builtin, "energy"));
  CHECK(two.notes.contains("where several structures lie in a record, what lies beside them is left out: 'id', 'energy'"));
  // Dictionaries of records stay what they are, whatever stands beside the document's records.
  const auto dictionary = read_json(R"({"version": 1, "mp-1": )" + entry + R"(, "mp-2": )" + entry + "}");
  REQUIRE(dictionary.frames.size() == 2);
  CHECK(text(dictionary.frames[1], Kind::molecule, "key") == "mp-2");
  // Too far into the document for its begin to show them.
  CHECK(mentions(refusal(R"([{"entry": {"structure": )" + one + R"(, "blank": ")" + std::string(70000, ' ') + R"("}, "energy": -1}])"), "has values beside a structure, which would be lost: 'energy'"));
}

TEST_CASE("json: columns of a table that lie in an object of their own") {
  const std::string structures = fmt::format(R"("structures": [{0}, {0}])", structure_of(kSite)), labels = R"("labels": {"energies": [-1, -2], "forces": [[[0, 0, 1]], [[0, 0, 2]]]})";
  for (const std::string& text : {"{" + structures + ", " + labels + "}", "{" + labels + ", " + structures + R"(, "about": {"authors": ["a", "b", "c"]}})"}) {
    const auto r = read_json(text);
    REQUIRE(r.frames.size() == 2);
    CHECK(energy(r.frames[1]) == -2);
    CHECK(numbers(r.frames[1], Kind::builtin, "forces") == std::vector<double>{0, 0, 2});
  }
}

TEST_CASE("json: tables of pandas") {
  const std::string one = structure_of(kSite);
  const auto check = [](const std::string& text, bool named) {
    CAPTURE(text);
    const auto r = read_json(text);
    REQUIRE(r.frames.size() == 2);
    CHECK(energy(r.frames[0]) == -1);
    CHECK_FALSE(has(r.frames[1], Kind::builtin, "energy"));
    CHECK(numbers(r.frames[1], Kind::builtin, "forces") == std::vector<double>{0, 0, 2});
    CHECK(has(r.frames[0], Kind::molecule, "key") == named);
    if (named) CHECK(test::text(r.frames[1], Kind::molecule, "key") == "mp-2");
  };
  for (const bool named : {false, true}) {
    const std::string_view a = named ? "mp-1" : "0", b = named ? "mp-2" : "1";
    check(fmt::format(R"({{"structure": {{"{1}": {0}, "{2}": {0}}}, "energy": {{"{1}": -1, "{2}": null}}, "forces": {{"{1}": [[0,0,1]], "{2}": [[0,0,2]]}}}})", one, a, b), named);
    check(fmt::format(R"({{"energy": {{"{1}": -1, "{2}": null}}, "forces": {{"{1}": [[0,0,1]], "{2}": [[0,0,2]]}}, "structure": {{"{1}": {0}, "{2}": {0}}}}})", one, a, b), named);
    check(fmt::format(R"({{"columns": ["energy", "structure", "forces"], "index": [{1}], "data": [[-1, {0}, [[0,0,1]]], [null, {0}, [[0,0,2]]]]}})", one,
                      named ? R"("mp-1", "mp-2")" : "0, 1"), named);
  }
  CHECK(mentions(refusal(fmt::format(R"({{"columns": ["structure", "energy"], "data": [[{0}, 1], [{0}]]}})", one)), "is a table of 2 columns with 1 values in row 1"));
  CHECK(mentions(refusal(fmt::format(R"({{"structure": {{"0": {0}, "1": {0}}}, "energy": {{"0": 1, "2": 1}}}})", one)), "'energy' has 2 or other rows"));
}

TEST_CASE("json: what is wrong is named") {
  CHECK(mentions(refusal("[" + structure_of(R"({"species": [{"element": "Li", "occu": 0.5}], "abc": [0, 0, 0]})") + "]"), "record 0: site 0 is disordered: 0.5 Li of 1 species"));
  CHECK(mentions(refusal("[" + structure_of(R"({"species": [{"element": "Qq", "occu": 1}], "abc": [0, 0, 0]})") + "]"), "'Qq' is no element"));
  CHECK(mentions(refusal("[" + structure_of(kSite)), "ends before its last bracket is closed"));
  CHECK(mentions(refusal("[" + structure_of(kSite) + ", {\"sites\": ["), "ends inside record 1"));
  CHECK(mentions(refusal("[" + structure_of(kSite) + "]]"), "text outside of its document"));
  CHECK(mentions(refusal("[" + structure_of(kSite) + "}"), "'}' closes nothing"));
  CHECK(mentions(refusal(R"({"a": 1})"), "holds no structure"));
  CHECK(mentions(refusal("[" + std::string(100000, '[')), "nested deeper than 256"));
  CHECK(mentions(refusal(R"([{"sites": [nonsense], "structure": 1}])"), "is no JSON"));
}

TEST_CASE("lmdb-pickle: PyG 1 and 2, dicts with NumPy scalars") {
  const auto oc22 = read("oc22.pkl");
  REQUIRE(oc22.frames.size() == 2);
  CHECK(energy(oc22.frames[0]) == doctest::Approx(-284.68542118));
  CHECK(energy(oc22.frames[1]) == doctest::Approx(-463.32568389));
  CHECK(oc22.frames[0].n_atoms() == 70);
  CHECK(numbers(oc22.frames[0], Kind::builtin, "cell")[0] == doctest::Approx(9.2630815506));
  CHECK(oc22.frames[0].positions_type == Type::vec3_f32);
  const auto old = read("oc20_pyg1.pkl");
  REQUIRE(old.frames.size() == 1);
  CHECK(old.frames[0].positions == oc22.frames[0].positions);
  CHECK(energy(old.frames[0]) == energy(oc22.frames[0]));

  const auto lips = read("lips.lmdb");
  REQUIRE(lips.frames.size() == 2);
  CHECK(energy(lips.frames[0]) == doctest::Approx(-357.05872304));
  CHECK(lips.frames[0].n_atoms() == 83);
}

TEST_CASE("lmdb-pickle: every protocol of pickle, files of torch.save, pymatgen's dicts") {
  std::vector<std::string> names;
  for (int protocol = 0; protocol < 6; ++protocol) names.push_back(fmt::format("pyg1_protocol{}.pkl", protocol));
  for (const char* const name : {"zip.pt", "before_zip.pt"}) names.emplace_back(name);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto reader = open_input(file("pickles/" + name), "", {});
    CHECK(reader->format() == "lmdb-pickle");
    const auto r = read_all(*reader);
    REQUIRE(r.bad.empty());
    REQUIRE(r.frames.size() == (name.ends_with(".pt") ? 2 : 1));
    const Structure& s = r.frames.back();
    CHECK(elements(s) == std::vector<int>{8, 1, 1});
    CHECK(positions(s) == std::vector<double>{0, 0, 0.5, 0, 1, 0, 0, 0, 1});
    CHECK(numbers(s, Kind::builtin, "forces") == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(energy(s) == -1.5);
    CHECK(text(s, Kind::molecule, "label") == "w\xC3\xA4ter");
    CHECK(text(s, Kind::molecule, "note") == "gr\xC3\xBC\xC3\x9F\n\\\xE2\x82\xAC");
    CHECK(r.notes.contains("'objects' is an array of no numbers and is left out") == name.ends_with(".pkl"));
  }
  const auto r = read("pickles/pymatgen.pkl");
  REQUIRE(r.frames.size() == 1);
  CHECK(elements(r.frames[0]) == std::vector<int>{11, 17});
  CHECK(numbers(r.frames[0], Kind::builtin, "pbc") == std::vector<double>{1, 1, 0});
  CHECK(numbers(r.frames[0], Kind::builtin, "forces") == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(energy(r.frames[0]) == -3);
}

TEST_CASE("json: arrays of monty, complex numbers, properties of trajectories") {
  const auto read_json = [](const std::string& text) {
    const TempDir dir;
    write_text(dir / "a.json", text);
    return read_all(*open_input(dir / "a.json", "json", {}));
  };
  const auto numpy = [](const char* dtype, const char* data) { return fmt::format(R"({{"@module": "numpy", "@class": "array", "dtype": "{}", "data": {}}})", dtype, data); };
  const std::string trajectory = R"({"@module": "pymatgen.core.trajectory", "@class": "Trajectory", "species": [{"element": "Na"}, "Cl"], "constant_lattice": true, "lattice": )" +
                                 numpy("float64", "[[4,0,0],[0,4,0],[0,0,4]]") + R"(, "coords": )" + numpy("float64", "[[[0,0,0],[0.5,0,0]],[[0,0,0],[0.25,0,0]]]") +
                                 R"(, "frame_properties": {"energy": [-1.0, -2.0]}, "site_properties": {"magmom": [1, 2]}})";
  const auto r = read_json(trajectory);
  REQUIRE(r.frames.size() == 2);
  CHECK(positions(r.frames[1])[3] == 1);
  CHECK(energy(r.frames[1]) == -2);
  CHECK(has(r.frames[1], Kind::atom, "magmom"));
  const std::string record = R"({"structure": {"lattice": {"matrix": [[4,0,0],[0,4,0],[0,0,4]]}, "sites": [{"species": [{"element": "Na", "occu": 1}], "xyz": [0,0,0], "abc": [0,0,0]}]}, "energy": -1, "x": )";
  const auto typed = read_json("[" + record + numpy("float32", "[0.1, NaN]") + R"(, "gap": NaN, "top": -Infinity}])");
  REQUIRE(typed.frames.size() == 1);
  CHECK(type(typed.frames[0], Kind::molecule, "x") == Type::f32_array);
  CHECK(std::isnan(f64(typed.frames[0], Kind::molecule, "gap")));
  CHECK(f64(typed.frames[0], Kind::molecule, "top") == -HUGE_VAL);
  const auto complex = read_json("[" + record + numpy("complex128", "[[1.0],[2.0]]") + "}]");
  CHECK(complex.bad.empty());
  CHECK(complex.notes.contains("'x' is an array of complex numbers (complex128), which no record holds; it is left out"));
}

namespace {

std::string unpickled(std::string_view bytes) {
  try {
    const Pickle p(as_bytes(bytes));
    return "fine";
  } catch (const Error& e) {
    return e.problem();
  }
}

}  // namespace

TEST_CASE("pickle: nothing is run, nothing is believed") {
  using namespace std::string_literals;
  CHECK(unpickled("\x80\x04K\x01."s) == "fine");
  CHECK(unpickled("cos\nsystem\n(S'x'\ntR."s) == "names 'os.system', which atp does not know");
  CHECK(unpickled("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93."s) == "names 'builtins.eval', which atp does not know");
  CHECK(unpickled("\x80\x04\xff."s) == "holds the opcode 0xFF, which atp does not know");
  CHECK(unpickled("\x80\x09."s) == "is a pickle of protocol 9, atp reads up to 5");
  CHECK(mentions(unpickled("\x80\x04X\xff\xff\xff\xff."s), "needs"));
  CHECK(mentions(unpickled("\x80\x04h\x07."s), "recalls what it has not stored"));
  CHECK(mentions(unpickled("\x80\x04."s), "empty stack"));
  CHECK(mentions(unpickled("\x80\x04]e."s), "no mark"));
  CHECK(mentions(unpickled("\x80\x04K\x01Q."s), "names an object outside of itself"));
  // A list recalled and copied over and over.
  std::string bomb = "\x80\x04]\x94(" + std::string(1000, 'N') + "e0";
  for (int i = 0; i < 1000; ++i) bomb += "cbuiltins\nlist\nh"s + '\0' + "\x85R"s;
  CHECK(mentions(unpickled(bomb + "."), "again and again"));
}

TEST_CASE("hostile: databases cut short and flipped are read or refused") {
  for (const char* const name : {"bulks_v8.db", "mptraj_v9.db", "qm9.db", "mptraj10_asejson.aselmdb", "lips.lmdb", "oc22.pkl", "oc20_pyg1.pkl", "alignn.json", "pickles/pyg1_protocol0.pkl", "pickles/zip.pt", "pickles/before_zip.pt",
                                 "trajectory.json.gz"}) {
    CAPTURE(name);
    const auto whole = read_bytes(file(name));
    const TempDir dir;
    const std::string path = dir / std::filesystem::path(name).filename().string();
    const auto attempt = [&](const std::vector<std::byte>& bytes) {
      write_bytes(path, bytes);
      try {
        read_all(*open_input(path, "", {}));
      } catch (const Error& e) {
        CHECK(e.exit() == Exit::input);
        CHECK_FALSE(e.where().empty());
      }
    };
    for (std::size_t k = 0; k < 24; ++k) attempt({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * k / 24)});
    std::uint32_t random = 12345;
    for (int k = 0; k < 100; ++k) {
      auto bytes = whole;
      for (int flips = 0; flips < 3; ++flips) {
        random = random * 1664525 + 1013904223;
        // Half of them near the front, where headers and trees are.
        const std::size_t at = (random >> 8) % (flips == 0 ? std::min<std::size_t>(bytes.size(), 512) : bytes.size());
        bytes[at] ^= static_cast<std::byte>(1U << (random & 7));
      }
      attempt(bytes);
    }
  }
}

TEST_CASE("lmdb: a file cut to its first page is no empty database") {
  auto bytes = read_bytes(file("mptraj10_asejson.aselmdb"));
  bytes.resize(4096);
  CHECK_THROWS_AS(LmdbFile(bytes, "x"), Error);
}

TEST_CASE("lmdb: a tree that comes back to itself") {
  auto bytes = read_bytes(file("mptraj10_asejson.aselmdb"));
  // Both meta pages name the other's page as the root: 16 + 24 + 48 + 40 bytes in.
  for (const std::size_t page : {0u, 1u}) store(bytes.data() + page * 4096 + 128, std::uint64_t{1} - page);
  const LmdbFile lmdb(bytes, "x");
  CHECK_THROWS_AS(lmdb.for_each([](const LmdbEntry&) { return true; }), Error);
}

// Files that other programs wrote, against facts that independent readers found in them
// (expected.json). Both lie beside the source tree and are not part of it.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"
#include "tests/support/shared_data.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;
using simdjson::dom::element;

namespace {

bool is_close(double a, double b) { return std::fabs(a - b) <= 1e-9 * std::max({1.0, std::fabs(a), std::fabs(b)}); }

void check_number(element facts, const char* key, std::optional<double> got) {
  double want = 0;
  if (facts[key].get(want) != simdjson::SUCCESS) return;
  CAPTURE(key);
  REQUIRE(got.has_value());
  CHECK_MESSAGE(is_close(*got, want), *got << " is not " << want);
}

std::vector<double> flat(element list) {
  std::vector<double> out;
  for (const element e : simdjson::dom::array(list)) {
    double v;
    bool b;
    if (e.is_array()) {
      for (const double x : flat(e)) out.push_back(x);
    } else if (e.get(v) == simdjson::SUCCESS) {
      out.push_back(v);
    } else if (e.get(b) == simdjson::SUCCESS) {
      out.push_back(b);
    }
  }
  return out;
}

void check_list(element facts, const char* key, const std::vector<double>& got) {
  element want;
  if (facts[key].get(want) != simdjson::SUCCESS) return;
  const std::vector<double> numbers = flat(want);
  CAPTURE(key);
  REQUIRE(got.size() == numbers.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK_MESSAGE(is_close(got[i], numbers[i]), got[i] << " is not " << numbers[i]);
}

struct Sums {
  std::uint64_t atoms = 0, with_energy = 0, with_forces = 0;
  double energy = 0, force_norm = 0, positions = 0;
  std::optional<double> first_energy, last_energy;
};

Sums sum_up(const ReadFrames& r) {
  Sums s;
  for (const Structure& f : r.frames) {
    s.atoms += f.n_atoms();
    for (const double x : positions(f)) s.positions += x;
    const bool first = &f == &r.frames.front();
    s.last_energy.reset();
    if (has(f, Kind::builtin, "energy")) {
      const double e = f64(f, Kind::builtin, "energy");
      s.energy += e;
      ++s.with_energy;
      s.last_energy = e;
      if (first) s.first_energy = e;
    }
    if (!has(f, Kind::builtin, "forces")) continue;
    ++s.with_forces;
    const auto v = numbers(f, Kind::builtin, "forces");
    for (std::size_t i = 0; i < v.size(); i += 3)
      s.force_norm += std::sqrt(v[i] * v[i] + v[i + 1] * v[i + 1] + v[i + 2] * v[i + 2]);
  }
  return s;
}

void check_stress(element facts, const Structure& first) {
  element want;
  if (facts["stress_first"].get(want) != simdjson::SUCCESS) return;
  auto got = numbers(first, Kind::builtin, "stress");
  if (simdjson::dom::array(want).size() == 6) got = {got[0], got[4], got[8], got[5], got[2], got[1]};
  check_list(facts, "stress_first", got);
}

void check_facts(const std::string& path, element facts) {
  const ReadFrames r = read_all(*open_input(path, "", {}));
  for (const std::string& bad : r.bad) FAIL(bad);
  const Sums s = sum_up(r);
  check_number(facts, "n_frames", static_cast<double>(r.frames.size()));
  check_number(facts, "total_atoms", static_cast<double>(s.atoms));
  check_number(facts, "sum_of_all_positions", s.positions);
  check_number(facts, "n_frames_with_forces", static_cast<double>(s.with_forces));
  check_number(facts, "sum_force_norm", s.force_norm);
  std::string_view energy_key;
  if (facts["energy_key"].get(energy_key) != simdjson::SUCCESS || energy_key != "U0") {
    check_number(facts, "n_frames_with_energy", static_cast<double>(s.with_energy));
    check_number(facts, "energy_first", s.first_energy);
    check_number(facts, "energy_last", s.last_energy);
    check_number(facts, "energy_sum", s.energy);
  }
  REQUIRE_FALSE(r.frames.empty());
  const Structure& first = r.frames.front();
  check_stress(facts, first);
  const bool cell = has(first, Kind::builtin, "cell");
  check_list(facts, "lattice_first", cell ? numbers(first, Kind::builtin, "cell") : std::vector<double>());
  // Where the readers differ, ASE fell back to plain XYZ, and cell and pbc are what it then says.
  if (facts["readers_agree"].is_array()) return;
  check_list(facts, "cell_first", cell ? numbers(first, Kind::builtin, "cell") : std::vector<double>(9));
  check_list(facts, "pbc_first", numbers(first, Kind::builtin, "pbc"));
}

std::string first_problem(const std::string& path) {
  try {
    const ReadFrames r = read_all(*open_input(path, "", {}));
    return r.bad.empty() ? "" : r.bad.front().substr(fs::path(path).parent_path().string().size() + 1);
  } catch (const Error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("data: the files in the source tree") {
  struct Fact {
    const char* name;
    std::size_t frames;
    std::uint64_t atoms, with_energy, with_forces;
    double energy, force_norm, positions;
  };
  static constexpr Fact kFacts[] = {
      {"isolated_atoms.xyz", 4, 4, 4, 0, -4553.48305801, 0.0, 0.0},
      {"train_300K.xyz", 500, 7500, 500, 500, -4695693.60177, 11607.1420846, 2755.31159145},
      {"mpf-alkali-TP.xyz", 460, 4235, 460, 460, -17440.4072039, 12304.9077071, 33283.4527784},
      {"hfo2.extxyz", 2, 24, 2, 2, -695.46900418, 4.30727522712, 192.80055},
      {"explore_c-gap-20u.xyz", 5, 243, 5, 5, -1547.94147083, 1112.32917428, 3655.70713},
      {"mace_ref_energy_forces_stress.xyz", 1, 3, 1, 1, -76.123, 0.04472135955, 1.008},
      {"qm9_reduced_100.xyz", 100, 1001, 0, 0, 0.0, 0.0, 485.11953451},
      {"concat.xyz.gz", 4, 8, 4, 4, -25.78, 0.722490309932, 3.02},
      {"two_frame.xyz.zst", 2, 4, 2, 2, -12.89, 0.361245154966, 1.51},
      {"water.xyz.xz", 100, 29700, 0, 0, 0.0, 0.0, 670350.495555},
  };
  for (const Fact& f : kFacts) {
    CAPTURE(f.name);
    const ReadFrames r = read_all(*open_input(test::data(std::string("extxyz/") + f.name), "", {}));
    CHECK(r.bad.empty());
    const Sums s = sum_up(r);
    CHECK(r.frames.size() == f.frames);
    CHECK(s.atoms == f.atoms);
    CHECK(s.with_energy == f.with_energy);
    CHECK(s.with_forces == f.with_forces);
    CHECK(is_close(s.energy, f.energy));
    CHECK(is_close(s.force_norm, f.force_norm));
    CHECK(is_close(s.positions, f.positions));
  }
}

TEST_CASE("data: every real file says what other readers found") {
  const auto folder = shared_data();
  if (!folder) return;
  simdjson::dom::parser parser;
  const element expected = parser.load((*folder / "expected.json").string());
  int compared = 0;
  for (const auto& file : simdjson::dom::object(expected)) {
    const std::string_view name = file.key;
    const bool xyz = name.find("xyz") != std::string_view::npos;
    if (!xyz || (!name.starts_with("extxyz/") && !name.starts_with("compressed/"))) continue;
    const fs::path path = *folder / name;
    if (!fs::exists(path) || name.find("/invalid/") != std::string_view::npos) continue;
    CAPTURE(name);
    check_facts(path.string(), file.value["facts"]);
    ++compared;
  }
  CHECK(compared >= 30);
}

TEST_CASE("data: files that are wrong on purpose are refused where they are wrong") {
  const auto folder = shared_data();
  if (!folder) return;
  const auto problem = [&](const char* name) { return first_problem((*folder / "extxyz" / name).string()); };
  CHECK(problem("oxyz/invalid/bad_atom_value.extxyz").starts_with("bad_atom_value.extxyz:3: column 3 (pos) is 'abc'"));
  CHECK(problem("oxyz/invalid/short_atom_row.extxyz").starts_with("short_atom_row.extxyz:3: has 3 columns"));
  CHECK(problem("oxyz/invalid/truncated_frame.extxyz")
            .starts_with("truncated_frame.extxyz:6: ends inside frame 1: 1 of 2 atom lines"));
  CHECK(problem("oxyz/invalid/unterminated_quote.extxyz")
            .starts_with("unterminated_quote.extxyz:2: the quote of 'name'"));
  const auto r = read_all(*open_input((*folder / "extxyz/tests-data/invalid/extended.xyz").string(), "", {}));
  CHECK(r.frames.empty());
  CHECK(r.bad.size() == 9);
}

// Frames of different sizes, one after the other in the arrays of .npz and HDF5 files.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "core/base/error.h"
#include "formats/array_frames.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/hdf5_file.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

using Arrays = std::vector<TestArray>;
using Longs = std::vector<std::int64_t>;

std::vector<double> counted(std::size_t n, double from = 0) {
  std::vector<double> out(n);
  std::iota(out.begin(), out.end(), from);
  return out;
}

// Nine atoms in frames of 3, 1, 0, 5; which is what the last array is to say.
Arrays molecules() {
  return {test_array<std::int64_t>("atomic_numbers", "<i8", {9}, {8, 1, 1, 2, 6, 1, 1, 1, 1}),
          test_array("positions", "<f8", {9, 3}, counted(27)),
          test_array("forces", "<f8", {9, 3}, counted(27, 100)),
          test_array<double>("energy", "<f8", {4}, {1, 2, 3, 4}),
          test_array("dipole", "<f8", {4, 3}, counted(12)),
          test_array("spins", "<f8", {9}, counted(9, 50)),
          test_array<std::int64_t>("row", "<i8", {4, 1}, {10, 11, 12, 13}),
          test_array<char>("label", "|S2", {4}, {'a', 0, 'b', 'b', 'c', 0, 'd', 0}),
          test_array<double>("odd", "<f8", {2}, {1, 2})};
}

TestArray longs(const char* name, const Longs& values) { return test_array(name, "<i8", {values.size()}, values); }

Arrays with(Arrays arrays, const TestArray& more) {
  std::erase_if(arrays, [&](const TestArray& a) { return a.name == more.name; });
  arrays.push_back(more);
  return arrays;
}

ReadOptions angstrom_ev(std::string_view map = "") {
  ReadOptions options;
  options.units = {{"energy", "eV"}, {"length", "A"}};
  parse_array_map("--npz-map", map, options.npz_arrays);
  parse_array_map("--hdf5-map", map, options.hdf5_arrays);
  return options;
}

// The same arrays as .npz, as HDF5, and as HDF5 in compressed pieces.
void in_each_file(const Arrays& arrays, const std::function<void(const std::string&)>& check) {
  const TempDir dir;
  write_npz(dir / "a.npz", arrays);
  check(dir / "a.npz");
  if (!can_write_hdf5()) return;
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    write_hdf5(dir / "a.h5", arrays, chunked);
    check(dir / "a.h5");
  }
}

ReadFrames read(const std::string& path, const ReadOptions& options) { return read_all(*open_input(path, "", options)); }

void check_molecules(const Arrays& arrays, std::string_view map = "") {
  in_each_file(arrays, [&](const std::string& path) {
    CAPTURE(path);
    const ReadFrames r = read(path, angstrom_ev(map));
    CHECK(r.bad.empty());
    REQUIRE(r.frames.size() == 4);
    const std::vector<std::vector<int>> kinds = {{8, 1, 1}, {2}, {}, {6, 1, 1, 1, 1}};
    std::size_t begin = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const Structure& s = r.frames[i];
      const std::size_t n = kinds[i].size();
      const double at = static_cast<double>(begin);
      CAPTURE(i);
      CHECK(elements(s) == kinds[i]);
      CHECK(positions(s) == counted(3 * n, 3 * at));
      CHECK(f64(s, Kind::builtin, "energy") == static_cast<double>(i) + 1);
      CHECK(numbers(s, Kind::molecule, "dipole") == counted(3, 3 * static_cast<double>(i)));
      CHECK(i64(s, Kind::molecule, "row") == 10 + static_cast<std::int64_t>(i));
      CHECK(text(s, Kind::molecule, "label") == std::vector<std::string>{"a", "bb", "c", "d"}[i]);
      CHECK_FALSE(has(s, Kind::molecule, "natoms"));
      CHECK_FALSE(has(s, Kind::molecule, "ptr"));
      if (n > 0) {
        CHECK(numbers(s, Kind::builtin, "forces") == counted(3 * n, 100 + 3 * at));
        CHECK(numbers(s, Kind::atom, "spins") == counted(n, 50 + at));
      }
      begin += n;
    }
    CHECK(r.notes.contains("not one value for each frame, and left out: odd"));
  });
}

void check_refused(const Arrays& arrays, const std::string& why, std::string_view map = "") {
  in_each_file(arrays, [&](const std::string& path) {
    CAPTURE(path);
    std::string said;
    try {
      const ReadFrames r = read(path, angstrom_ev(map));
      said = r.bad.empty() ? "nothing" : r.bad.front();
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
      said = e.what();
    }
    CHECK_MESSAGE(said.find(why) != std::string::npos, said);
  });
}

}  // namespace

TEST_CASE("frame sizes: counts, offsets of each form, and names of each kind") {
  const Arrays m = molecules();
  check_molecules(with(m, longs("natoms", {3, 1, 0, 5})));
  check_molecules(with(m, test_array<std::int32_t>("Num_Atoms", "<i4", {4, 1}, {3, 1, 0, 5})));
  check_molecules(with(m, test_array<std::uint8_t>("N", "|u1", {4}, {3, 1, 0, 5})));
  check_molecules(with(m, longs("ptr", {0, 3, 4, 4, 9})));
  check_molecules(with(m, longs("offsets", {0, 3, 4, 4})));
  check_molecules(with(m, longs("natoms_cumsum", {3, 4, 4, 9})));
  check_molecules(with(with(m, longs("n_atoms", {3, 1, 0, 5})), longs("ptr", {0, 3, 4, 4, 9})));
}

TEST_CASE("frame sizes: a map names other arrays, and says which of several") {
  const Arrays m = molecules();
  check_molecules(with(m, longs("how_many", {3, 1, 0, 5})), "natoms=how_many");
  check_molecules(with(m, longs("where", {0, 3, 4, 4, 9})), "offsets=where");
  check_molecules(with(with(m, longs("natoms", {3, 1, 0, 5})), longs("offset", {0, 3, 4, 9})), "offsets=none");
  check_refused(m, "has no array 'how_many', which natoms is to be taken from", "natoms=how_many");
  check_refused(with(m, longs("natoms", {3, 1, 0, 5})), "'odd' cannot be where each frame begins", "offsets=odd");
}

TEST_CASE("frame sizes: without a word about them, several energies are not those of one frame") {
  check_refused(molecules(), "energy (4 float64) holds several energies beside positions (9 x 3 float64)");
  in_each_file({test_array<std::int64_t>("z", "<i8", {2}, {1, 1}), test_array("R", "<f8", {2, 3}, counted(6)), longs("natoms", {1, 3})}, [](const std::string& path) {
    CHECK_THROWS_WITH_AS(read(path, angstrom_ev()), doctest::Contains("the atoms in 'natoms' add up to 4, 'R' has 2 rows"), Error);
    CHECK(read(path, angstrom_ev("natoms=none")).frames.size() == 1);
  });
}

TEST_CASE("frame sizes: what does not fit is refused by name") {
  const Arrays m = molecules();
  check_refused(with(m, longs("natoms", {3, 1, 0, 4})), "the atoms in 'natoms' add up to 8, 'positions' has 9 rows; fix the file, or name the right array");
  check_refused(with(m, longs("natoms", {3, -1, 2, 5})), "'natoms' says -1 atoms for frame 1");
  check_refused(with(m, longs("natoms", {3, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max(), 5})), "the atoms in 'natoms' add up to");
  check_refused(with(m, test_array<double>("natoms", "<f8", {4}, {3, 1, 0, 5})), "'natoms' holds no whole numbers");
  check_refused(with(m, test_array<std::int64_t>("natoms", "<i8", {2, 2}, {3, 1, 0, 5})), "'natoms' has 2 dimensions");
  check_refused(with(m, test_array<std::int64_t>("natoms", "<i8", {}, {3})), "'natoms' says 3 atoms, 'positions' has 9 rows");
  check_refused(with(m, longs("ptr", {0, 4, 3, 4, 9})), "'ptr' falls from 4 to 3 at frame 2");
  check_refused(with(m, longs("ptr", {0, 3, 10, 4, 9})), "'ptr' has 10 at frame 2, 'positions' has 9 rows");
  check_refused(with(m, longs("ptr", {1, 3, 4, 4})), "'ptr' ends with 4, 'positions' has 9 rows");
  check_refused(with(m, longs("ptr", {-1, 3, 4, 9})), "'ptr' falls from 0 to -1 at frame 0");
  check_refused(with(with(m, longs("natoms", {3, 1, 0, 5})), longs("ptr", {0, 3, 4, 5, 9})), "'natoms' and 'ptr' do not say the same sizes of the frames");
  // Rows of neither.
  const Arrays fit = with(m, longs("natoms", {3, 1, 0, 5}));
  check_refused(with(fit, test_array("energy", "<f8", {5}, counted(5))), "'energy' has 5 rows, there are 4 frames and 9 atoms");
  check_refused(with(fit, test_array("forces", "<f8", {4, 3}, counted(12))), "'forces' has 4 rows, there are 4 frames and 9 atoms");
  check_refused(with(fit, longs("atomic_numbers", {1, 1})), "atomic_numbers (2 int64) cannot be the atomic numbers of positions (9 x 3 float64)");
  check_refused(fit, "energy=odd does not fit: odd (2 float64) is there, 4 numbers are needed", "energy=odd");
  check_refused(fit, "forces=dipole does not fit: dipole (4 x 3 float64) is there, 9 x 3 numbers are needed", "forces=dipole");
}

TEST_CASE("frame sizes: arrays with a dimension for frames have none") {
  const Arrays sgdml = {test_array<std::uint8_t>("z", "|u1", {2}, {1, 8}), test_array("R", "<f8", {2, 2, 3}, counted(12)), longs("natoms", {2, 2})};
  in_each_file(sgdml, [](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    REQUIRE(r.frames.size() == 2);
    CHECK(i64(r.frames[1], Kind::molecule, "natoms") == 2);
  });
  check_refused(sgdml, "natoms=natoms is for positions of all frames one after the other, 'R' has a dimension for frames", "natoms=natoms");
}

TEST_CASE("frame sizes: cells of each frame, and one for all") {
  const std::vector<double> box = {4, 0, 0, 0, 5, 0, 0, 0, 6};
  const Arrays m = with(molecules(), longs("natoms", {3, 1, 0, 5}));
  std::vector<double> boxes;
  for (int i = 1; i <= 4; ++i) {
    for (const double b : box) boxes.push_back(i * b);
  }
  in_each_file(with(m, test_array("cell", "<f8", {4, 3, 3}, boxes)), [&](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    REQUIRE(r.frames.size() == 4);
    CHECK(numbers(r.frames[3], Kind::builtin, "cell")[8] == 24);
  });
  in_each_file(with(with(m, test_array("cell", "<f8", {3, 3}, box)), test_array<std::uint8_t>("pbc", "|u1", {3}, {1, 1, 0})), [&](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    REQUIRE(r.frames.size() == 4);
    CHECK(numbers(r.frames[3], Kind::builtin, "cell") == box);
    CHECK(numbers(r.frames[3], Kind::builtin, "pbc") == std::vector<double>{1, 1, 0});
  });
}

TEST_CASE("frame sizes: one frame, and as many frames as atoms") {
  const Arrays one = {test_array<std::int64_t>("numbers", "<i8", {3}, {8, 1, 1}), test_array("positions", "<f8", {3, 3}, counted(9)),
                      test_array("energy", "<f8", {1}, counted(1, 7)),            test_array("dipole", "<f8", {3}, counted(3)),
                      test_array("charges", "<f8", {3}, counted(3)),              test_array("cell", "<f8", {1, 3, 3}, std::vector<double>{4, 0, 0, 0, 4, 0, 0, 0, 4}),
                      test_array("kinds", "<f8", {2}, counted(2)),                longs("natoms", {3})};
  in_each_file(one, [](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    CHECK(r.bad.empty());
    REQUIRE(r.frames.size() == 1);
    CHECK(f64(r.frames[0], Kind::builtin, "energy") == 7);
    CHECK(numbers(r.frames[0], Kind::molecule, "dipole") == counted(3));
    CHECK(numbers(r.frames[0], Kind::builtin, "charges") == counted(3));
    CHECK(numbers(r.frames[0], Kind::molecule, "kinds") == counted(2));
    CHECK(numbers(r.frames[0], Kind::builtin, "cell")[0] == 4);
  });
  const Arrays equal = {test_array<std::int64_t>("numbers", "<i8", {3}, {8, 1, 1}), test_array("positions", "<f8", {3, 3}, counted(9)),
                        test_array("energy", "<f8", {3}, counted(3)),              test_array("forces", "<f8", {3, 3}, counted(9)),
                        test_array("weight", "<f8", {3}, counted(3)),              longs("natoms", {2, 0, 1})};
  in_each_file(equal, [](const std::string& path) {
    ReadOptions options = angstrom_ev();
    ReadFrames r = read(path, options);
    CHECK(r.bad.empty());
    REQUIRE(r.frames.size() == 3);
    CHECK(f64(r.frames[2], Kind::builtin, "energy") == 2);
    CHECK(numbers(r.frames[0], Kind::builtin, "forces") == counted(6));
    CHECK(f64(r.frames[2], Kind::molecule, "weight") == 2);
    CHECK(r.notes.contains("frames divided by 'natoms'; as many as atoms, so that these were taken as the frames' (--scope NAME=atom: the atoms'): weight"));
    options.scopes.emplace("weight", Kind::atom);
    r = read(path, options);
    CHECK(numbers(r.frames[0], Kind::atom, "weight") == counted(2));
  });
}

TEST_CASE("frame sizes: one number of one frame, by a name that may mean anything") {
  const Arrays water = {test_array<std::int64_t>("numbers", "<i8", {3}, {8, 1, 1}), test_array("positions", "<f8", {3, 3}, counted(9)), longs("N", {10}), longs("offset", {7})};
  in_each_file(water, [](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    REQUIRE(r.frames.size() == 1);
    CHECK(i64(r.frames[0], Kind::molecule, "N") == 10);
    CHECK(i64(r.frames[0], Kind::molecule, "offset") == 7);
  });
}

TEST_CASE("frame sizes: the number 0 is no padding here") {
  in_each_file({test_array<std::int64_t>("numbers", "<i8", {3}, {0, 1, 1}), test_array("positions", "<f8", {3, 3}, counted(9)), longs("natoms", {2, 1})}, [](const std::string& path) {
    const ReadFrames r = read(path, angstrom_ev());
    REQUIRE(r.frames.size() + r.bad.size() == 2);
    if (r.bad.empty()) CHECK(r.frames[0].n_atoms() == 2);
  });
}

TEST_CASE("frame sizes: more than one piece and one batch") {
  constexpr std::uint64_t kFrames = 150'000;  // pieces of 65536
  std::vector<std::int32_t> sizes(kFrames), tags(kFrames);
  std::uint64_t rows = 0;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    sizes[i] = static_cast<std::int32_t>(i % 3 + 1), tags[i] = static_cast<std::int32_t>(i);
    rows += i % 3 + 1;
  }
  std::vector<std::int64_t> ends(kFrames);
  std::partial_sum(sizes.begin(), sizes.end(), ends.begin(), [](std::int64_t a, std::int64_t b) { return a + b; });
  std::vector<float> xyz(3 * rows);
  for (std::size_t i = 0; i < xyz.size(); ++i) xyz[i] = static_cast<float>(i / 3);
  const Arrays arrays = {test_array("numbers", "|u1", {rows}, std::vector<std::uint8_t>(rows, 6)), test_array("positions", "<f4", {rows, 3}, xyz),
                         test_array("tag", "<i4", {kFrames}, tags), test_array("natoms", "<i4", {kFrames}, sizes), longs("cum_atoms", ends)};
  const TempDir dir;
  write_npz(dir / "a.npz", arrays);
  write_hdf5(dir / "a.h5", arrays);
  for (const char* name : {"a.npz", "a.h5"}) {
    if (!can_write_hdf5() && std::string_view(name) == "a.h5") continue;
    const ReadFrames r = read(dir / name, angstrom_ev());
    REQUIRE(r.frames.size() == kFrames);
    double at = 0;
    bool all = true;
    for (std::uint64_t i = 0; i < kFrames; ++i) {
      const Structure& s = r.frames[i];
      all = all && s.n_atoms() == i % 3 + 1 && positions(s)[0] == at && i64(s, Kind::molecule, "tag") == static_cast<std::int64_t>(i);
      at += static_cast<double>(s.n_atoms());
    }
    CHECK(all);
  }
}

TEST_CASE("frame sizes: frames without an atom are not claimed by the million") {
  check_refused({longs("numbers", {}), test_array("positions", "<f8", {0, 3}, std::vector<double>{}), longs("natoms", Longs(70'000, 0))}, "'natoms' claims 70000 frames without an atom");
}

TEST_CASE("hdf5: a table that divides the atoms is not passed over") {
  if (!can_write_hdf5()) return;
  const TempDir dir;
  write_hdf5(dir / "a.h5", {longs("atomic_numbers", {8, 1}), test_array("positions", "<f8", {2, 3}, counted(6))});
  CHECK(read(dir / "a.h5", angstrom_ev()).frames.size() == 1);
  write_hdf5_table(dir / "a.h5", "notes", {"when", "who"}, 2);
  CHECK(read(dir / "a.h5", angstrom_ev()).frames.size() == 1);
  write_hdf5_table(dir / "a.h5", "structures", {"offset", "length"}, 2);
  CHECK_THROWS_WITH_AS(read(dir / "a.h5", angstrom_ev()), doctest::Contains("'structures' is a table that says which rows of 'positions' belong to which frame"), Error);
}

TEST_CASE("frame sizes: cut and flipped") {
  const TempDir dir;
  // In one piece: HDF5 1.10 reads beyond a compressed piece that unpacks to less than it should.
  const Arrays arrays = with(molecules(), longs("natoms", {3, 1, 0, 5}));
  write_npz(dir / "a.npz", arrays);
  write_hdf5(dir / "a.h5", arrays);
  for (const std::string& path : {dir / "a.npz", dir / "a.h5"}) {
    if (path.ends_with(".h5") && !can_write_hdf5()) continue;
    const std::string whole = read_text(path);
    const std::string name = dir / std::string(path.ends_with(".npz") ? "c.npz" : "c.h5");
    for (std::size_t at = 8; at < whole.size(); at += 37) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 0x41);
      for (const std::string& file : {bad, whole.substr(0, at)}) {
        write_text(name, file);
        try {
          const ReadFrames r = read(name, angstrom_ev());
          CHECK(r.frames.size() + r.bad.size() <= 70'000);
        } catch (const Error& e) {
          CHECK(e.exit() == Exit::input);
        }
      }
    }
  }
}

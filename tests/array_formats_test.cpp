// Formats whose frames lie in arrays: .npz, DeePMD, HDF5.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/base/byte_order.h"
#include "core/base/error.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "formats/array_frames.h"
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;

namespace {

template <class T>
std::string npy(std::string_view type, std::initializer_list<std::uint64_t> shape, const std::vector<T>& values) {
  const std::vector<std::uint64_t> dims(shape);
  std::string out = npy_header(type, dims);
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return out;
}

using Members = std::vector<std::pair<std::string, std::string>>;

Members sgdml() {
  return {{"z.npy", npy<std::uint8_t>("|u1", {2}, {1, 8})},
          {"R.npy", npy<double>("<f8", {2, 2, 3}, {0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0})},
          {"E.npy", npy<double>("<f8", {2, 1}, {1, 2})},
          {"F.npy", npy<double>("<f8", {2, 2, 3}, {1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0})}};
}

ReadFrames read_npz(const TempDir& dir, const Members& members, const ReadOptions& options = {}) {
  write_text(dir / "a.npz", zip_archive(members, "a"));
  return read_all(*open_input(dir / "a.npz", "", options));
}

std::string refusal(const std::string& path, const ReadOptions& options = {}) {
  try {
    const ReadFrames r = read_all(*open_input(path, "", options));
    return r.bad.empty() ? "" : r.bad.front();
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return e.what();
  }
}

constexpr double kKcal = 0.0433641;

}  // namespace

TEST_CASE("npz: the layout of MD17 and sGDML") {
  const TempDir dir;
  const ReadFrames r = read_npz(dir, sgdml());
  REQUIRE(r.frames.size() == 2);
  CHECK(elements(r.frames[1]) == std::vector<int>{1, 8});
  CHECK(positions(r.frames[1])[3] == 2);
  CHECK(std::fabs(f64(r.frames[1], Kind::builtin, "energy") - 2 * kKcal) < 1e-6);
  CHECK(std::fabs(numbers(r.frames[1], Kind::builtin, "forces")[0] - 2 * kKcal) < 1e-6);
  CHECK(r.mapped.contains("energy from 'E' (kcal/mol to eV, by the MD17/sGDML layout)"));
  CHECK(numbers(r.frames[0], Kind::builtin, "pbc") == std::vector<double>{0, 0, 0});
}

TEST_CASE("npz: the file's own unit counts, and --units before it") {
  const TempDir dir;
  Members m = sgdml();
  m.emplace_back("e_unit.npy", npy<char>("|S2", {}, {'e', 'V'}));
  CHECK(f64(read_npz(dir, m).frames[0], Kind::builtin, "energy") == 1);
  ReadOptions options;
  options.units["energy"] = "meV";
  CHECK(f64(read_npz(dir, m, options).frames[0], Kind::builtin, "energy") == 1e-3);
}

TEST_CASE("npz: names that no layout has need a map and units") {
  const TempDir dir;
  Members m = sgdml();
  m[1].first = "where.npy";
  m[2].first = "how_much.npy";
  write_text(dir / "b.npz", zip_archive(m, "b"));
  CHECK(refusal(dir / "b.npz").find("has no array of positions that atp knows (found: z (2 uint8), where (2 x 2 x 3 float64)") != std::string::npos);
  ReadOptions options;
  parse_array_map("--npz-map", "positions=where,energy=how_much,forces=F", options.npz_arrays);
  CHECK(refusal(dir / "b.npz", options).find("nothing says which unit the length has") != std::string::npos);
  options.units = {{"energy", "eV"}, {"length", "A"}};
  const ReadFrames r = read_all(*open_input(dir / "b.npz", "", options));
  CHECK(f64(r.frames.at(1), Kind::builtin, "energy") == 2);
  // What is named and not there is an error; an array that is named is the only one for its field.
  parse_array_map("--npz-map", "energy=nowhere", options.npz_arrays);
  CHECK(refusal(dir / "b.npz", options).find("has no array 'nowhere', which energy is to be taken from") != std::string::npos);
  parse_array_map("--npz-map", "forces=none,energy=how_much", options.npz_arrays);
  CHECK(read_all(*open_input(dir / "b.npz", "", options)).frames.at(0).find(Kind::builtin, "forces") == nullptr);
  CHECK_THROWS_WITH_AS(parse_array_map("--npz-map", "position=x", options.npz_arrays), "--npz-map knows no 'position'; did you mean 'positions'?", Error);
}

TEST_CASE("npz, hdf5: what a map names must fit, and it is said what would") {
  const TempDir dir;
  Members m = sgdml();
  m.emplace_back("e3.npy", npy<double>("<f8", {3}, {1, 2, 3}));
  m.emplace_back("box.npy", npy<double>("<f8", {3, 3}, {4, 0, 0, 0, 4, 0, 0, 0, 4}));
  m.emplace_back("word.npy", npy<char>("|S2", {2}, {'e', 'V', 'e', 'V'}));
  write_text(dir / "b.npz", zip_archive(m, "b"));
  const auto with = [&](std::string_view map) {
    ReadOptions options;
    options.units = {{"energy", "eV"}, {"length", "A"}};
    parse_array_map("--npz-map", map, options.npz_arrays);
    return refusal(dir / "b.npz", options);
  };
  const std::string at = dir / "b.npz";
  CHECK(with("energy=e3") == at + ": energy=e3 does not fit: e3 (3 float64) is there, 2 numbers are needed; name another array, or none");
  CHECK(with("forces=E").find(": forces=E does not fit: E (2 x 1 float64) is there, 2 x 2 x 3 numbers are needed") != std::string::npos);
  CHECK(with("stress=word").find(": stress=word does not fit: word (2 text) is there, 2 x 3 x 3 numbers are needed") != std::string::npos);
  CHECK(with("charges=F").find(": charges=F does not fit: F (2 x 2 x 3 float64) is there, 2 x 2 numbers are needed") != std::string::npos);
  CHECK(with("positions=E").find(": E (2 x 1 float64) cannot be the positions, frames x atoms x 3 or atoms x 3 floats are needed (found: ") != std::string::npos);
  CHECK(with("numbers=E").find(": E (2 x 1 float64) cannot be the atomic numbers of R (2 x 2 x 3 float64), 2 or 2 x 2 whole numbers or symbols are needed") != std::string::npos);
  CHECK(with("cell=box,energy=E,forces=F") == "");
  ReadOptions options;
  parse_array_map("--hdf5-map", "energy=coord", options.hdf5_arrays);
  CHECK(refusal(test::data("arrays/aimnet.h5"), options).find("aimnet.h5: /007/: energy=coord does not fit: coord (11 x 7 x 3 float32) is there, 11 numbers are needed") != std::string::npos);
}

TEST_CASE("npz: padded atoms go, numbers of each frame, cells") {
  const TempDir dir;
  const Members m = {{"atomic_numbers.npy", npy<std::int32_t>("<i4", {2, 2}, {1, 8, 6, 0})},
                     {"positions.npy", npy<float>("<f4", {2, 2, 3}, {0, 0, 0, 1, 0, 0, 3, 3, 3, 9, 9, 9})},
                     {"unit_cell.npy", npy<double>("<f8", {2, 3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 2, 0, 0, 0, 2})},
                     {"energy.npy", npy<double>("<f8", {2, 1}, {1, NAN})},
                     {"forces.npy", npy<float>("<f4", {2, 2, 3}, {0, 0, 0, 1, 0, 0, 3, 3, 3, 9, 9, 9})}};
  ReadOptions options;
  options.units = {{"energy", "eV"}, {"length", "A"}};
  const ReadFrames r = read_npz(dir, m, options);
  REQUIRE(r.frames.size() == 2);
  CHECK(elements(r.frames[1]) == std::vector<int>{6});
  CHECK(numbers(r.frames[1], Kind::builtin, "forces") == std::vector<double>{3, 3, 3});
  CHECK_FALSE(has(r.frames[1], Kind::builtin, "energy"));  // not a number
  CHECK(numbers(r.frames[1], Kind::builtin, "pbc") == std::vector<double>{1, 1, 1});
  CHECK(type(r.frames[0], Kind::builtin, "forces") == Type::vec3_f32);
}

TEST_CASE("npz: frames with and without padding in turns") {
  const TempDir dir;
  std::vector<double> xyz;
  for (int i = 0; i < 4 * 2 * 3; ++i) xyz.push_back(i);
  const Members m = {{"numbers.npy", npy<std::int64_t>("<i8", {4, 2}, {1, 8, 6, 0, 7, 8, 0, 0})},
                     {"coord.npy", npy<double>("<f8", {4, 2, 3}, xyz)},
                     {"forces.npy", npy<double>("<f8", {4, 2, 3}, xyz)},
                     {"tags.npy", npy<std::int8_t>("|i1", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}};
  ReadOptions options;
  options.units = {{"energy", "eV"}, {"length", "A"}};
  const ReadFrames r = read_npz(dir, m, options);
  REQUIRE(r.frames.size() == 4);
  const std::vector<std::vector<int>> kinds = {{1, 8}, {6}, {7, 8}, {}};
  const std::vector<std::vector<double>> tags = {{1, 2}, {3}, {5, 6}};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(elements(r.frames[i]) == kinds[i]);
    std::vector<double> want(xyz.begin() + static_cast<std::ptrdiff_t>(6 * i), xyz.begin() + static_cast<std::ptrdiff_t>(6 * i + 3 * kinds[i].size()));
    CHECK(positions(r.frames[i]) == want);
    if (want.empty()) continue;
    CHECK(numbers(r.frames[i], Kind::builtin, "forces") == want);
    CHECK(numbers(r.frames[i], Kind::atom, "tags") == tags[i]);
  }
}

TEST_CASE("npz: Fortran order") {
  const TempDir dir;
  Members m = sgdml();
  std::string& header = m[1].second;
  const std::size_t at = header.find("False");
  header.replace(at, 5, "True ");
  // Axes from first to last: R[1][1][0] is the fourth number.
  const ReadFrames r = read_npz(dir, m);
  CHECK(r.frames.size() == 2);
  CHECK(positions(r.frames[1]) == std::vector<double>{0, 0, 2, 1, 0, 0});
}

// Fortran order; big-endian is marked by the type.
std::string fortran(std::string file) {
  return file.replace(file.find("False"), 5, "True ");
}

TEST_CASE("npz: big-endian numbers and texts, and what cannot be read is named") {
  const TempDir dir;
  const auto swapped = [](std::string file, std::size_t item) {
    const std::size_t begin = file.find('\n') + 1;
    swap_byte_order(std::as_writable_bytes(std::span(file)).subspan(begin), item);
    return file;
  };
  Members m = {{"z.npy", swapped(npy<std::int32_t>(">i4", {2}, {1, 8}), 4)},
               {"R.npy", fortran(swapped(npy<double>(">f8", {1, 2, 3}, {0, 1, 0, 0, 0, 0}), 8))},
               {"E.npy", swapped(npy<double>(">f8", {1}, {2}), 8)},
               {"label.npy", swapped(npy<std::uint32_t>(">U2", {1}, {0xE9, 'x'}), 4)},
               {"odd.npy", npy<double>("<c16", {1}, {1, 2})}};
  const ReadFrames r = read_npz(dir, m);
  REQUIRE(r.frames.size() == 1);
  CHECK(elements(r.frames[0]) == std::vector<int>{1, 8});
  CHECK(positions(r.frames[0]) == std::vector<double>{0, 0, 0, 1, 0, 0});
  CHECK(f64(r.frames[0], Kind::builtin, "energy") == doctest::Approx(2 * kKcal));
  CHECK(text(r.frames[0], Kind::molecule, "label") == "\xC3\xA9x");
  CHECK(r.notes.contains("neither numbers nor texts of a kind that atp reads, and left out: odd"));
  m.back() = {"odd.npy", npy<std::uint64_t>("<u8", {1}, {(std::uint64_t{1} << 63) + 5})};
  write_text(dir / "u.npz", zip_archive(m, "u"));
  CHECK(refusal(dir / "u.npz").find("'odd' holds 9223372036854775813, beyond the whole numbers") != std::string::npos);
  m.back().second = npy<double>("<c16", {1}, {1, 2});
  m[1].second = npy<double>("|O", {1}, {0});
  write_text(dir / "b.npz", zip_archive(m, "b"));
  CHECK(refusal(dir / "b.npz").find("holds arrays that are neither numbers nor texts (of Python objects?): R, odd") != std::string::npos);
}

TEST_CASE("npz: cut and flipped") {
  const TempDir dir;
  const std::string whole = zip_archive(sgdml(), "a");
  for (std::size_t n = 30; n < whole.size(); n += 13) {
    write_text(dir / "c.npz", whole.substr(0, n));
    CHECK_FALSE(refusal(dir / "c.npz").empty());
  }
  for (std::size_t at = 30; at < whole.size(); at += 7) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    write_text(dir / "c.npz", bad);
    refusal(dir / "c.npz");
  }
}

TEST_CASE("deepmd: sets of arrays, virial to stress, mixed types") {
  const TempDir dir;
  fs::create_directories(dir / "s/set.000");
  write_text(dir / "s/type.raw", "0 1\n");
  write_text(dir / "s/type_map.raw", "H O\n");
  write_text(dir / "s/set.000/coord.npy", npy<float>("<f4", {2, 6}, {0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0}));
  write_text(dir / "s/set.000/box.npy", npy<double>("<f8", {2, 9}, {2, 0, 0, 0, 2, 0, 0, 0, 2, 2, 0, 0, 0, 2, 0, 0, 0, 2}));
  write_text(dir / "s/set.000/energy.npy", npy<double>("<f8", {2}, {-1, -2}));
  write_text(dir / "s/set.000/virial.npy", npy<double>("<f8", {2, 9}, {8, 0, 0, 0, 8, 0, 0, 0, 8, 16, 1, 0, 1, 0, 0, 0, 0, 0}));
  const ReadFrames r = read_all(*open_input(dir / "s", "", {}));
  REQUIRE(r.frames.size() == 2);
  CHECK(elements(r.frames[0]) == std::vector<int>{1, 8});
  CHECK(numbers(r.frames[1], Kind::builtin, "stress")[0] == -2);
  CHECK(f64(r.frames[1], Kind::builtin, "energy") == -2);

  write_text(dir / "s/set.000/real_atom_types.npy", npy<std::int32_t>("<i4", {2, 2}, {1, 0, 1, -1}));
  const ReadFrames mixed = read_all(*open_input(dir / "s", "", {}));
  CHECK(elements(mixed.frames.at(0)) == std::vector<int>{8, 1});
  CHECK(elements(mixed.frames.at(1)) == std::vector<int>{8});
  fs::remove(dir / "s/type_map.raw");
  CHECK(refusal(dir / "s").find("has no type_map.raw") != std::string::npos);
}

TEST_CASE("deepmd: Fortran order, big-endian, small integers and logicals") {
  const TempDir dir;
  fs::create_directories(dir / "s/set.000");
  write_text(dir / "s/type.raw", "0 1\n");
  write_text(dir / "s/type_map.raw", "H O\n");
  write_text(dir / "s/nopbc", "");
  write_text(dir / "s/set.000/coord.npy", fortran(npy<float>("<f4", {2, 6}, {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11})));
  std::string energy = npy<double>(">f8", {2}, {-1, -2});
  swap_byte_order(std::as_writable_bytes(std::span(energy)).subspan(energy.find('\n') + 1), 8);
  write_text(dir / "s/set.000/energy.npy", energy);
  write_text(dir / "s/set.000/real_atom_types.npy", npy<std::int8_t>("|i1", {2, 2}, {1, 0, 1, -1}));
  write_text(dir / "s/set.000/converged.npy", npy<std::uint8_t>("|b1", {2, 1}, {1, 0}));
  const ReadFrames r = read_all(*open_input(dir / "s", "", {}));
  REQUIRE(r.frames.size() == 2);
  CHECK(positions(r.frames[0]) == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(positions(r.frames[1]) == std::vector<double>{6, 7, 8});
  CHECK(elements(r.frames[0]) == std::vector<int>{8, 1});
  CHECK(elements(r.frames[1]) == std::vector<int>{8});
  CHECK(f64(r.frames[1], Kind::builtin, "energy") == -2);
  CHECK(i64(r.frames[0], Kind::molecule, "converged") == 1);
}

TEST_CASE("deepmd: parameters and other arrays are properties, of what they are about") {
  const TempDir dir;
  fs::create_directories(dir / "s/set.000");
  write_text(dir / "s/type.raw", "0 1\n");
  write_text(dir / "s/type_map.raw", "H O\n");
  write_text(dir / "s/nopbc", "");
  write_text(dir / "s/set.000/coord.npy", npy<float>("<f4", {1, 6}, {0, 0, 0, 1, 0, 0}));
  write_text(dir / "s/set.000/virial.npy", npy<double>("<f8", {1, 9}, {8, 0, 0, 0, 8, 0, 0, 0, 8}));
  write_text(dir / "s/set.000/fparam.npy", npy<double>("<f8", {1, 2}, {300, 1}));  // as many as atoms
  write_text(dir / "s/set.000/aparam.npy", npy<double>("<f8", {1, 4}, {1, 2, 3, 4}));
  write_text(dir / "s/set.000/label.npy", npy<char>("|S1", {1}, {'a'}));
  const ReadFrames r = read_all(*open_input(dir / "s", "", {}));
  REQUIRE(r.frames.size() == 1);
  CHECK(numbers(r.frames[0], Kind::molecule, "fparam") == std::vector<double>{300, 1});
  CHECK(shape(r.frames[0], Kind::atom, "aparam") == std::vector<std::uint64_t>{2, 2});
  CHECK(r.notes == std::set<std::string>{"fparam is kept as a property of the records", "aparam is kept as a property of the atoms",
                                         "label.npy is no array of numbers and is left out",
                                         "systems without periodic boundaries have no stress: their virial is left out"});
  write_text(dir / "s/set.000/aparam.npy", npy<double>("<f8", {1, 3}, {1, 2, 3}));
  CHECK(refusal(dir / "s").find("aparam has 3 columns, 2 atoms need a multiple of that") != std::string::npos);
}

TEST_CASE("deepmd: text, without periodicity, a folder among others") {
  const TempDir dir;
  fs::create_directories(dir / "tree/a");
  write_text(dir / "tree/a/type.raw", "0\n0\n");
  write_text(dir / "tree/a/type_map.raw", "C\n");
  write_text(dir / "tree/a/nopbc", "");
  write_text(dir / "tree/a/coord.raw", "0 0 0 1 1 1\n0 0 0 2 2 2\n");
  write_text(dir / "tree/a/energy.raw", "1\n2\n");
  CHECK(input_files(dir / "tree") == std::vector<std::string>{dir / "tree/a"});
  const ReadFrames r = read_all(*open_input(dir / "tree/a", "", {}));
  REQUIRE(r.frames.size() == 2);
  CHECK(numbers(r.frames[1], Kind::builtin, "pbc") == std::vector<double>{0, 0, 0});
  CHECK_FALSE(has(r.frames[1], Kind::builtin, "cell"));
  write_text(dir / "tree/a/energy.raw", "1\n2\n3\n");
  CHECK(refusal(dir / "tree/a").find("has not one row for each of 2 frames") != std::string::npos);
}

TEST_CASE("npz and HDF5 in archives, and compressed, are unpacked to a temporary file that goes") {
  const TempDir dir, temporary;
  ::setenv("TMPDIR", temporary.path().c_str(), 1);
  write_text(dir / "a.npz", zip_archive(sgdml(), "a"));
  const std::string gz = "gzip -k '" + (dir / "a.npz") + "' && cd '" + dir.path().string() + "' && tar cf a.tar a.npz";
  REQUIRE(std::system(gz.c_str()) == 0);
  {
    const auto reader = open_input(dir / "a.npz.gz", "", {});
    CHECK(reader->format() == "npz");
    CHECK(read_all(*reader).frames.size() == 2);
    CHECK(reader->input_state().bytes == fs::file_size(dir / "a.npz.gz"));
    CHECK_FALSE(fs::is_empty(temporary.path()));
  }
  CHECK(fs::is_empty(temporary.path()));
  if (format_named("archive").missing.empty()) {
    CHECK(read_all(*open_input(dir / "a.tar", "", {})).frames.size() == 2);
    CHECK(fs::is_empty(temporary.path()));
    // Errors name what was given, not the temporary file.
    auto bad = read_text(dir / "a.npz");
    bad[bad.find("NUMPY") + 200] ^= 0x20;
    write_text(dir / "a.npz", bad);
    REQUIRE(std::system(("cd '" + dir.path().string() + "' && tar cf b.tar a.npz").c_str()) == 0);
    CHECK(refusal(dir / "b.tar").find((dir / "b.tar") + ":a.npz: ") == 0);
    CHECK(fs::is_empty(temporary.path()));
  }
  ::unsetenv("TMPDIR");
}

TEST_CASE("hdf5: groups by atom count") {
  if (!format_named("hdf5").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("arrays/aimnet.h5"), "", {}));
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 195);
  std::uint64_t atoms = 0;
  double norms = 0;
  for (const Structure& s : r.frames) {
    atoms += s.n_atoms();
    const auto f = numbers(s, Kind::builtin, "forces");
    for (std::size_t i = 0; i < f.size(); i += 3) norms += std::sqrt(f[i] * f[i] + f[i + 1] * f[i + 1] + f[i + 2] * f[i + 2]);
  }
  CHECK(atoms == 2451);
  CHECK(std::fabs(norms - 4730.36756161) < 1e-5);
  CHECK(std::fabs(f64(r.frames.back(), Kind::builtin, "energy") + 17999.3968018) < 1e-6);
  CHECK(text(r.frames[0], Kind::molecule, "group") == "007");
}

TEST_CASE("hdf5: what is of the frames in a group of another size is so in one of three atoms") {
  if (!format_named("hdf5").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("arrays/sizes.h5"), "", {}));
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 6);
  CHECK(r.frames[0].n_atoms() == 3);  // before any other size was seen
  for (const Structure& s : r.frames) {
    for (const char* key : {"triple", "matrix", "scf_quadrupole"}) {
      INFO(key << " of " << s.n_atoms() << " atoms");
      CHECK(s.find(Kind::molecule, key) != nullptr);
      CHECK(s.find(Kind::atom, key) == nullptr);
    }
    CHECK(s.find(Kind::atom, "spins") != nullptr);
    CHECK(s.find(Kind::atom, "mbis_dipoles") != nullptr);
  }
}

TEST_CASE("npz: a tensor of a molecule of three atoms is the molecule's") {
  const TempDir dir;
  const std::vector<double> nine = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const ReadFrames r = read_npz(dir, {{"z.npy", npy<std::uint8_t>("|u1", {3}, {8, 1, 1})},
                                      {"R.npy", npy<double>("<f8", {1, 3, 3}, nine)},
                                      {"E.npy", npy<double>("<f8", {1}, {1})},
                                      {"F.npy", npy<double>("<f8", {1, 3, 3}, nine)},
                                      {"polarizability.npy", npy<double>("<f8", {1, 3, 3}, nine)},
                                      {"homo_lumo_ev.npy", npy<double>("<f8", {1, 3}, {1, 2, 3})},
                                      {"spins.npy", npy<double>("<f8", {1, 3}, {1, 2, 3})},
                                      {"dipoles.npy", npy<double>("<f8", {1, 3, 3}, nine)}});
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 1);
  CHECK(r.frames[0].find(Kind::molecule, "polarizability") != nullptr);
  CHECK(r.frames[0].find(Kind::molecule, "homo_lumo_ev") != nullptr);
  CHECK(r.frames[0].find(Kind::atom, "spins") != nullptr);
  CHECK(r.frames[0].find(Kind::atom, "dipoles") != nullptr);
}

TEST_CASE("hdf5: links within the file lead to data, links out of it are refused") {
  if (!format_named("hdf5").missing.empty()) return;
  ReadOptions options;
  options.units = {{"length", "A"}, {"energy", "eV"}};
  const ReadFrames r = read_all(*open_input(test::data("arrays/links.h5"), "", options));
  REQUIRE(r.frames.size() == 3);  // once: /train/a is a link to the group
  CHECK(elements(r.frames[2]) == std::vector<int>{1, 8});
  CHECK(f64(r.frames[2], Kind::builtin, "energy") == 3);
  CHECK(i64(r.frames[2], Kind::molecule, "charge") == -1);
  CHECK(text(r.frames[2], Kind::molecule, "subset") == "first");
  CHECK(r.notes.contains("not one value for each frame, and left out: names"));
  CHECK(refusal(test::data("arrays/external_link.h5"), options).find("'/out' is a link to another file") != std::string::npos);
}

TEST_CASE("hdf5: configurations of MACE, with the weights of their properties") {
  if (!format_named("hdf5").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("arrays/mace.h5"), "", {}));
  REQUIRE(r.frames.size() == 2);
  const Structure& s = r.frames[1];
  CHECK(f64(s, Kind::builtin, "energy") == -4.5);
  CHECK(numbers(s, Kind::builtin, "forces") == std::vector<double>{0, 0, 2, 0, 0, -2});
  CHECK(numbers(s, Kind::builtin, "stress") == std::vector<double>{1, 6, 5, 6, 2, 4, 5, 4, 3});
  CHECK(f64(s, Kind::molecule, "forces_weight") == 10);
  CHECK(f64(s, Kind::molecule, "energy_weight") == 1);
  CHECK(f64(s, Kind::molecule, "weight") == 1);
}

TEST_CASE("hdf5: groups within a group of frames are read, and one without atomic numbers is named") {
  ReadOptions options;
  options.units = {{"energy", "eV"}, {"length", "A"}};
  const ReadFrames r = read_all(*open_input(test::data("arrays/nested.h5"), "", options));
  CHECK(r.frames.size() == 1 + 2 + 3);
  CHECK(r.notes.contains("groups with positions and no atomic numbers are left out, as '/c/'"));
}

TEST_CASE("hdf5: the same numbers, however they are stored") {
  if (!format_named("hdf5").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("arrays/stored.h5"), "hdf5", {}));
  CHECK(r.bad.empty());
  REQUIRE(r.frames.size() == 15);  // of the groups chunked, contiguous, swapped, unwritten, widened
  for (std::size_t i = 0; i < 15; ++i) {
    const Structure& s = r.frames[i];
    const std::size_t frame = i % 3;
    CHECK(elements(s) == std::vector<int>{1, 6, 8, 1});
    std::vector<double> xyz, minus;
    for (std::size_t k = 0; k < 12; ++k) xyz.push_back(static_cast<double>(12 * frame + k) / 8), minus.push_back(i / 3 == 3 ? -1 : -xyz.back());
    CHECK(positions(s) == xyz);
    CHECK(numbers(s, Kind::builtin, "forces") == minus);
    CHECK(f64(s, Kind::builtin, "energy") == static_cast<double>(frame) + 1.5);
  }
}

TEST_CASE("hdf5: texts of variable length are one for each frame, and integers are exact") {
  if (!format_named("hdf5").missing.empty()) return;
  const ReadFrames r = read_all(*open_input(test::data("arrays/texts.h5"), "", {}));
  REQUIRE(r.frames.size() == 5);
  const std::vector<std::string> three = {"three", "größe", ""};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(elements(r.frames[i]) == std::vector<int>{8, 1, 1});
    CHECK(text(r.frames[i], Kind::molecule, "origin") == three[i]);
    CHECK(text(r.frames[i], Kind::molecule, "subset") == "three");
    CHECK_FALSE(has(r.frames[i], Kind::molecule, "two_each"));
  }
  CHECK(i64(r.frames[2], Kind::molecule, "hash") == std::numeric_limits<std::int64_t>::max());
  CHECK(elements(r.frames[4]) == std::vector<int>{6, 8});
  CHECK(text(r.frames[3], Kind::molecule, "origin") == "two");
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0].find("'hash' holds 9223372036854775808, beyond the whole numbers") != std::string::npos);
  CHECK(r.notes.contains("neither numbers nor texts, and left out: complex"));
  CHECK(r.notes.contains("not one value for each frame, and left out: two_each"));
}

TEST_CASE("hdf5: cut and flipped") {
  if (!format_named("hdf5").missing.empty()) return;
  const TempDir dir;
  const std::string whole = read_text(test::data("arrays/aimnet.h5"));
  for (std::size_t n = 100; n < whole.size(); n += whole.size() / 20) {
    write_text(dir / "c.h5", whole.substr(0, n));
    CHECK_FALSE(refusal(dir / "c.h5").empty());
  }
  for (std::size_t at = 8; at < 8192; at += 97) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    write_text(dir / "c.h5", bad);
    refusal(dir / "c.h5");
  }
}

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "core/atp/record.h"
#include "core/base/error.h"
#include "formats/export_format.h"
#include "formats/format.h"
#include "formats/shortest.h"
#include "tests/support/export_frames.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

std::string exported(Structure& s, const ExportOptions& options = {}, std::string_view format = "extxyz") {
  std::vector<std::byte> record;
  encode_record(s, record);
  const auto exporter = export_format(format)->open("", options);
  std::string out;
  exporter->encode(RecordView(record, s.positions_type), 0, out);
  return out;
}

Structure water() {
  Structure s;
  s.atomic_numbers = {8, 1, 1};
  s.set_positions(std::vector<double>{0, 0, 0.1, 0.757, 0, -0.47, -0.757, 0, 1e-7});
  s.set_energy(-76.4);
  s.set_forces(std::vector<double>{0, 0, 1.0 / 3, 1, 2, 3, -1, -2, 1e22});
  s.set_cell({1, 2, 3, 4, 5, 6, 7, 8, 10});
  s.set_stress({1, 2, 3, 4, 5, 6, 7, 8, 9});
  s.set_pbc({true, false, true});
  return s;
}

Structure read_back(const std::string& text) {
  const ReadFrames r = read_xyz(text);
  for (const std::string& bad : r.bad) FAIL(bad);
  REQUIRE(r.frames.size() == 1);
  return r.frames[0];
}

void check_equal(Structure a, Structure b) {
  a.sort_sections();
  b.sort_sections();
  CHECK(a.atomic_numbers == b.atomic_numbers);
  CHECK(positions(a) == positions(b));
  REQUIRE(a.sections().size() == b.sections().size());
  for (std::size_t i = 0; i < a.sections().size(); ++i) {
    CAPTURE(a.sections()[i].key);
    CHECK(a.sections()[i].key == b.sections()[i].key);
    CHECK(a.sections()[i].type == b.sections()[i].type);
    CHECK(a.sections()[i].payload == b.sections()[i].payload);
  }
}

// Writes the structures as a file of that format and reads them back.
std::vector<Structure> through_file(std::string_view format, std::vector<Structure> structures) {
  const TempDir folder;
  const std::string path = folder / "out";
  write_text(path, "");
  export_frames(*export_format(format), structures, path);
  const auto reader = open_input(path, "", {});
  CHECK(reader->format() == format);
  const ReadFrames r = read_all(*reader);
  for (const std::string& bad : r.bad) FAIL(bad);
  REQUIRE(r.frames.size() == structures.size());
  return r.frames;
}

// All that `a` has, `b` has too. Databases of ASE add names of their own to that.
void check_holds(const Structure& b, const Structure& a) {
  CHECK(a.atomic_numbers == b.atomic_numbers);
  CHECK(positions(a) == positions(b));
  for (const auto& section : a.sections()) {
    CAPTURE(section.key);
    const auto* const other = b.find(section.kind, section.key);
    REQUIRE(other != nullptr);
    CHECK(type_info(other->type).form == type_info(section.type).form);
    const bool narrowed = section.key == "tags" && other->type == Type::i32_array;  // as ASE's SQLite keeps them
    CHECK((narrowed ? numbers(b, section.kind, section.key) == numbers(a, section.kind, section.key) : other->payload == section.payload));
  }
}

// Records that differ in what they have.
std::vector<Structure> mixed_structures() {
  std::vector<Structure> all(4);
  all[0] = water();
  all[0].put_string(Kind::builtin, "name", "first \xC3\x85");
  all[0].put_array<std::int64_t>(Kind::atom, "tags", Type::i64_array, std::vector<std::int64_t>{0, 1, 2});
  all[0].put_array<double>(Kind::atom, "magmoms", Type::f64_array, std::vector<double>{1, -1, 0});
  all[0].put_array<double>(Kind::molecule, "list", Type::f64_array, std::vector<double>{1, 2.5});
  all[1].atomic_numbers = {1};
  all[1].set_positions(std::vector<double>{1, 2, 3});
  all[1].set_pbc({false, false, false});
  all[1].put_array<double>(Kind::molecule, "list", Type::f64_array, std::vector<double>{3, 4, 5});
  all[1].put_f64(Kind::molecule, "gap", std::numeric_limits<double>::quiet_NaN());
  all[1].put_string(Kind::molecule, "note", std::string(300, 'x') + "\xC3\x85");
  all[2] = water();
  all[2].put_i64(Kind::molecule, "count", -5);
  all[2].put_f64(Kind::molecule, "gap", 0.1);
  all[2].put_string(Kind::molecule, "unique_id", "0123456789abcdef0123456789abcdef");
  all[2].put_string(Kind::molecule, "calculator", "vasp");
  all[2].put_array<double>(Kind::molecule, "dipole", Type::f64_array, std::vector<double>{0.5, 0, -1});
  all[2].put_array<std::int64_t>(Kind::atom, "move_mask", Type::i64_array, std::vector<std::int64_t>{1, 0, 1});
  all[3].atomic_numbers = {6, 6};
  all[3].set_positions(std::vector<double>{0, 0, 0, 0, 0, 1.5});
  all[3].set_energy(-std::numeric_limits<double>::infinity());
  all[3].set_pbc({true, true, true});
  all[3].put_string(Kind::molecule, "short", "a\nb");
  all[3].put_i64(Kind::molecule, "id", 77);
  for (Structure& s : all) s.set_stress({1, 2, 3, 2, 5, 6, 3, 6, 9});
  return all;
}

}  // namespace

TEST_CASE("export: a file of each format reads back as it was") {
  for (const char* format : {"npz", "aselmdb", "ase-db"}) {
    CAPTURE(format);
    if (export_format(format)->open == nullptr) continue;
    const auto structures = mixed_structures();
    const auto back = through_file(format, structures);
    for (std::size_t i = 0; i < structures.size(); ++i) {
      CAPTURE(i);
      if (format == std::string_view("npz")) {
        check_equal(back[i], structures[i]);
      } else {
        check_holds(back[i], structures[i]);
      }
    }
  }
}

TEST_CASE("export: no records, no atoms and equal rows") {
  for (const char* format : {"npz", "aselmdb", "ase-db"}) {
    CAPTURE(format);
    if (export_format(format)->open == nullptr) continue;
    Structure empty;
    empty.set_positions(std::span<const double>());
    empty.set_pbc({false, false, false});
    CHECK(through_file(format, {empty, empty}).size() == 2);
    Structure same = water();
    same.set_stress({1, 2, 3, 2, 5, 6, 3, 6, 9});
    same.put_string(Kind::molecule, "unique_id", "abc");
    for (const Structure& s : through_file(format, {same, same, same})) CHECK(positions(s) == positions(same));
  }
  CHECK(through_file("npz", {}).empty());
}

TEST_CASE("export: f32 stays f32 in .npz and .aselmdb, and is widened where a record has f64") {
  Structure narrow;
  narrow.atomic_numbers = {1, 2};
  narrow.set_positions(std::vector<float>{0.1F, 0, 0, 0, 0, 1e-30F});
  narrow.set_pbc({false, false, false});
  narrow.put_array<float>(Kind::builtin, "forces", Type::vec3_f32, std::vector<float>{1, 2, 3, 4, 5, 0.3F});
  for (const char* format : {"npz", "aselmdb"}) {
    CAPTURE(format);
    if (export_format(format)->open == nullptr) continue;
    const auto back = through_file(format, {narrow});
    if (format == std::string_view("npz")) check_equal(back[0], narrow);
    CHECK(positions(back[0]) == positions(narrow));
    CHECK(numbers(back[0], Kind::builtin, "forces") == numbers(narrow, Kind::builtin, "forces"));
  }
  Structure wide = narrow;
  wide.set_positions(std::vector<double>{0.1, 0, 0, 0, 0, 1});
  const auto back = through_file("npz", {narrow, wide, narrow});
  CHECK(back[0].positions_type == Type::vec3_f64);
  CHECK(positions(back[0]) == positions(narrow));
  CHECK(positions(back[1]) == positions(wide));
}

TEST_CASE("export: what one array cannot hold is an error that names it") {
  Structure a = water(), b = water();
  a.put_f64(Kind::molecule, "x", 1);
  b.put_string(Kind::molecule, "x", "one");
  CHECK_THROWS_WITH_AS(through_file("npz", {a, b}), doctest::Contains("'x' is string here"), Error);
}

namespace {

// n atoms, with a value for each pair.
Structure with_pairs(std::uint32_t n, bool pairs) {
  Structure s;
  s.atomic_numbers.assign(n, 6);
  s.set_positions(std::vector<double>(3 * n, 0.5));
  s.set_pbc({false, false, false});
  if (!pairs) return s;
  std::vector<float> values;
  for (std::uint32_t i = 0; i < n * n; ++i) values.push_back(static_cast<float>(i) + 0.5F);
  const std::uint32_t shape[] = {n, n}, row[] = {n, 2, 2};
  s.put_tensor(Kind::atom, "bond_orders", Type::tensor_f32, shape, std::as_bytes(std::span(values)));
  const std::vector<double> rows(4 * n, 0.25 * n);
  s.put_tensor(Kind::atom, "rows", Type::tensor_f64, row, std::as_bytes(std::span(rows)));
  return s;
}

}  // namespace

TEST_CASE("export: tensors of atoms in .npz, whatever their shapes") {
  for (const auto& sizes : {std::vector<std::pair<std::uint32_t, bool>>{{2, true}, {3, false}, {1, true}, {0, true}, {4, true}, {3, false}},
                            {{2, false}, {0, true}, {2, true}, {0, true}, {2, false}},
                            {{0, true}, {0, false}},
                            {{3, true}, {3, false}, {3, true}}}) {
    std::vector<Structure> all;
    for (const auto& [n, pairs] : sizes) all.push_back(with_pairs(n, pairs));
    const auto back = through_file("npz", all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      CAPTURE(i);
      check_equal(all[i], back[i]);
    }
  }
}

TEST_CASE("export: names of other arrays, and names that no archive has, in .npz") {
  Structure s = water();
  for (const std::string_view key : {"stress", "energy", "positions", "atom_offsets", "__atp__", "x.begins", "x.shapes", ""}) s.put_f64(Kind::molecule, key, static_cast<double>(key.size()));
  s.put_array<double>(Kind::atom, "atomic_numbers", Type::f64_array, std::vector<double>{1, 2, 3});
  s.put_string(Kind::molecule, std::string_view("a\0b", 3), "x");
  s.put_string(Kind::molecule, "name", "a property");
  s.put_string(Kind::builtin, "name", "a name");
  check_equal(s, through_file("npz", {s, water()})[0]);
}

TEST_CASE("export: damaged archives of atp export are errors") {
  const TempDir folder;
  const std::string path = folder / "out.npz", broken = folder / "broken.npz";
  write_text(path, "");
  auto structures = mixed_structures();
  for (const std::uint32_t n : {2, 3}) structures.push_back(with_pairs(n, true));
  export_frames(*export_format("npz"), structures, path);
  const auto good = read_bytes(path);
  const auto read = [&] {
    try {
      const auto reader = open_input(broken, "npz", {});
      read_all(*reader);
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
    }
  };
  for (std::size_t i = 0; i < good.size(); i += 7) {
    auto bad = good;
    bad[i] ^= std::byte{0x10};
    write_bytes(broken, bad);
    read();
    bad = good;
    bad.resize(i);
    write_bytes(broken, bad);
    read();
  }
}

TEST_CASE("export: numbers have the shortest digits that read back the same") {
  const auto text = [](auto v) {
    std::string out;
    append_real(out, v);
    return out;
  };
  CHECK(text(0.1) == "0.1");
  CHECK(text(0.1F) == "0.1");
  CHECK(text(-3.0) == "-3.0");
  CHECK(text(1e22) == "1e+22");
  CHECK(text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(text(-std::numeric_limits<float>::infinity()) == "-Infinity");
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto bits = random();
    const double d = std::bit_cast<double>(bits);
    const float f = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(d)) CHECK(std::strtod(text(d).c_str(), nullptr) == d);
    // As atp pack reads it: as a double that becomes a float.
    if (std::isfinite(f)) CHECK(static_cast<float>(std::strtod(text(f).c_str(), nullptr)) == f);
  }
}

TEST_CASE("export: extended XYZ reads back as it was") {
  Structure s = water();
  s.put_string(Kind::builtin, "name", "a b");
  s.put_f64(Kind::molecule, "dipole moment", 2.0);
  s.put_i64(Kind::molecule, "count", -5);
  s.put_array<double>(Kind::molecule, "list", Type::f64_array, std::vector<double>{1, 2.5});
  s.put_array<std::int64_t>(Kind::molecule, "whole", Type::i64_array, std::vector<std::int64_t>{1, 2});
  s.put_array<double>(Kind::molecule, "one", Type::f64_array, std::vector<double>{1});
  s.put_array<double>(Kind::molecule, "vectors", Type::vec3_f64, std::vector<double>{1, 2, 3, 4, 5, 6});
  const std::uint32_t shape[] = {2, 2, 1};
  const std::vector<std::int64_t> values = {1, 2, 3, 4};
  s.put_tensor(Kind::molecule, "tensor", Type::tensor_i64, shape, std::as_bytes(std::span(values)));
  s.put_array<std::int64_t>(Kind::atom, "tags", Type::i64_array, std::vector<std::int64_t>{0, 1, 2});
  s.put_array<double>(Kind::atom, "magmoms", Type::f64_array, std::vector<double>{1, -1, 0});
  check_equal(read_back(exported(s)), s);
}

TEST_CASE("export: texts that look like something else stay texts") {
  for (const char* value : {"5", "1.5", "T", "false", "1 2 3", "", " a ", "_JSON x", "a\"b\\c", "a=b", "[1, 2]", "{1 2}", "nan", "line\nbreak", "tab\t", "\xC3\x85", "'q'", "1e5", "-"}) {
    CAPTURE(value);
    Structure s = water();
    s.put_string(Kind::molecule, "note", value);
    const Structure back = read_back(exported(s));
    CHECK(text(back, Kind::molecule, "note") == value);
  }
}

TEST_CASE("export: an empty text does not swallow the key behind it, and pbc is behind the cell") {
  Structure s = water();
  s.set_cell({9, 0, 0, 0, 9, 0, 0, 0, 9});
  s.set_pbc({true, true, false});
  s.put_string(Kind::builtin, "name", "");
  s.put_string(Kind::molecule, "note", "");
  const std::string written = exported(s);
  CHECK(written.find("=\"\"") == std::string::npos);
  CHECK(written.find("\" pbc=\"T T F\" Properties=") != std::string::npos);
  check_equal(read_back(written), s);
}

TEST_CASE("export: MACE's names") {
  Structure s = water();
  ExportOptions options;
  options.keys = KeyStyle::mace;
  const std::string out = exported(s, options);
  CHECK(out.find("REF_energy=-76.4 REF_stress=\"1.0 4.0 7.0 2.0") != std::string::npos);
  CHECK(out.find("REF_forces:R:3") != std::string::npos);
  check_equal(read_back(out), s);
}

TEST_CASE("export: what extended XYZ cannot hold is an error that names it") {
  const auto problem = [](Structure& s) -> std::string {
    try {
      exported(s);
    } catch (const Error& e) {
      return e.problem();
    }
    return "";
  };
  Structure a = water();
  a.put_f64(Kind::molecule, "Lattice", 1);
  CHECK(problem(a) == "the property 'Lattice' has the name under which another field is written");
  Structure b = water();
  b.put_array<double>(Kind::atom, "a:b", Type::f64_array, std::vector<double>{1, 2, 3});
  CHECK(problem(b) == "the column 'a:b' has a name that extended XYZ cannot hold");
  Structure c = water();
  c.atomic_numbers[0] = 200;
  CHECK(problem(c) == "has the atomic number 200, which is no element's");
}

TEST_CASE("export: JSON lines") {
  Structure s;
  s.atomic_numbers = {1};
  s.set_positions(std::vector<float>{0.1F, 0, -1});
  s.set_energy(std::numeric_limits<double>::infinity());
  s.put_string(Kind::molecule, "a", "b\"c");
  CHECK(exported(s, {}, "jsonl") == "{\"numbers\":[1],\"positions\":[[0.1,0.0,-1.0]],\"energy\":\"inf\",\"properties\":{\"a\":\"b\\\"c\"},\"atp_types\":{\"positions\":\"vec3_f32\"}}\n");
}

// What an export writes is read back with the kinds, types and values that it had.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/atp/record.h"
#include "formats/export_format.h"
#include "formats/format.h"
#include "tests/support/export_frames.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

struct Trip {
  std::vector<Structure> back;
  std::set<std::string> notes;
};

Trip round_trip(const ExportFormat& format, std::vector<Structure> structures) {
  const TempDir folder;
  const std::string path = folder / ("out" + std::string(format.extensions.substr(0, format.extensions.find(' '))));
  write_text(path, "");
  Trip trip;
  ExportOptions options;
  options.note = [&](std::string_view text) { trip.notes.emplace(text); };
  export_frames(format, structures, path, options);
  const auto reader = open_input(path, "", {});
  const ReadFrames r = read_all(*reader);
  for (const std::string& bad : r.bad) FAIL_CHECK(bad);
  REQUIRE(r.frames.size() == structures.size());
  trip.back = r.frames;
  return trip;
}

void check_same(Structure a, Structure b) {
  a.sort_sections();
  b.sort_sections();
  CHECK(a.atomic_numbers == b.atomic_numbers);
  CHECK(a.positions_type == b.positions_type);
  CHECK(a.positions == b.positions);
  REQUIRE(a.sections().size() == b.sections().size());
  for (std::size_t i = 0; i < a.sections().size(); ++i) {
    CAPTURE(a.sections()[i].key);
    CHECK(a.sections()[i].kind == b.sections()[i].kind);
    CHECK(a.sections()[i].key == b.sections()[i].key);
    CHECK(type_info(a.sections()[i].type).name == type_info(b.sections()[i].type).name);
    CHECK(a.sections()[i].payload == b.sections()[i].payload);
  }
}

// Formats that hold everything.
const ExportFormat* exact_formats[] = {export_format("jsonl"), export_format("ase-db"), export_format("aselmdb")};

Structure three_atoms() {
  Structure s;
  s.atomic_numbers = {8, 1, 1};
  s.set_positions(std::vector<float>{0, 0, 0.1F, 0.757F, 0, -0.47F, -0.757F, 0, 1e-7F});
  s.set_pbc({false, false, false});
  return s;
}

}  // namespace

TEST_CASE("round trip: kinds and types that values do not show") {
  Structure s = three_atoms();
  s.set_energy(std::numeric_limits<double>::quiet_NaN());
  s.put_array<float>(Kind::builtin, "forces", Type::vec3_f32, std::vector<float>{1, 2, 3, 4, 5, 0.3F, 0, 0, 0});
  s.put_array<double>(Kind::molecule, "three", Type::f64_array, std::vector<double>{1, 2, 3});  // as many as atoms
  s.put_array<double>(Kind::molecule, "three_vectors", Type::vec3_f64, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  s.put_array<double>(Kind::atom, "atomic_polarizability_dipole", Type::f64_array, std::vector<double>{1, 2, 3});
  s.put_array<std::int32_t>(Kind::atom, "small", Type::i32_array, std::vector<std::int32_t>{-1, 0, 7});
  s.put_array<float>(Kind::molecule, "f32", Type::f32_array, std::vector<float>{0.1F, std::numeric_limits<float>::infinity()});
  s.put_f64(Kind::molecule, "dft_energy", -3);  // the name of a field, and is none
  s.put_f64(Kind::molecule, "gap", -std::numeric_limits<double>::infinity());
  s.put_string(Kind::molecule, "word", "NaN");
  s.put_bytes(Kind::molecule, "nothing", Type::null, {});
  s.put_string(Kind::atom, "no_text", "");
  const std::uint32_t none[] = {0, 3}, scalar[] = {1}, one[] = {1};
  s.put_tensor(Kind::molecule, "empty", Type::tensor_f32, none, {});
  s.put_tensor(Kind::molecule, "rank_0", Type::tensor_f64, std::span(scalar, 0), std::as_bytes(std::span<const double, 1>(std::array<double, 1>{2.5})));
  s.put_tensor(Kind::molecule, "rank_1", Type::tensor_i64, one, std::as_bytes(std::span<const std::int64_t, 1>(std::array<std::int64_t, 1>{5})));
  s.put_array<double>(Kind::atom, "masses", Type::f64_array, std::vector<double>{16, 1, 2});
  for (const ExportFormat* format : exact_formats) {
    CAPTURE(format->name);
    if (format->open == nullptr) continue;
    const Trip trip = round_trip(*format, {s, three_atoms()});
    check_same(trip.back[0], s);
    check_same(trip.back[1], three_atoms());
    CHECK(trip.notes.empty());
  }
}

TEST_CASE("round trip: velocities to the last digit, and as momenta where ASE looks") {
  for (const bool narrow : {false, true}) {
    Structure s = three_atoms();
    std::vector<double> v;
    for (int i = 0; i < 9; ++i) v.push_back(std::sin(i + 0.1) / 3);
    s.put_array<double>(Kind::builtin, "velocities", Type::vec3_f64, v);
    if (narrow) s.put_array<float>(Kind::builtin, "velocities", Type::vec3_f32, std::vector<float>(v.begin(), v.end()));
    for (const ExportFormat* format : exact_formats) {
      CAPTURE(format->name);
      if (format->open != nullptr) check_same(round_trip(*format, {s}).back[0], s);
    }
    const auto xyz = round_trip(*export_format("extxyz"), {s}).back[0];
    CHECK_FALSE(has(xyz, Kind::atom, "momenta"));
    const auto back = numbers(xyz, Kind::builtin, "velocities"), given = numbers(s, Kind::builtin, "velocities");
    for (std::size_t i = 0; i < 9; ++i) CHECK((narrow ? static_cast<float>(back[i]) == static_cast<float>(given[i]) : back[i] == given[i]));
  }
}

TEST_CASE("round trip: what may move") {
  const std::uint32_t shape[] = {3, 3};
  for (const auto& mask : {std::vector<std::int32_t>{1, 1, 1, 0, 0, 0, 1, 1, 1}, {1, 1, 0, 0, 0, 0, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}}) {
    Structure s = three_atoms();
    s.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(std::span(mask)));
    for (const ExportFormat* format : exact_formats) {
      CAPTURE(format->name);
      if (format->open != nullptr) check_same(round_trip(*format, {s}).back[0], s);
    }
    const auto xyz = round_trip(*export_format("extxyz"), {s}).back[0];
    CHECK(numbers(xyz, Kind::atom, "move_mask") == std::vector<double>(mask.begin(), mask.end()));
  }
}

TEST_CASE("round trip: what may move along lattice vectors, and beside constraints that are no mask") {
  const std::uint32_t shape[] = {3, 3};
  const std::vector<std::int32_t> mask = {1, 1, 0, 0, 0, 0, 1, 1, 1}, whole = {1, 1, 1, 0, 0, 0, 1, 1, 1};
  Structure lattice = three_atoms();
  lattice.set_cell({4, 0, 0, 1, 4, 0, 0.5, 0.25, 4});
  lattice.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(std::span(mask)));
  Structure axes = lattice, straight = lattice, hookean = lattice, both = lattice;
  lattice.put_string(Kind::molecule, "move_mask_axes", "lattice");
  straight.set_cell({4, 0, 0, 0, 4, 0, 0, 0, 4});
  hookean.put_string(Kind::molecule, "constraints", R"([{"name":"Hookean","kwargs":{"a1":0,"a2":1,"rt":1.5,"k":2.5}}])");
  both.put_string(Kind::molecule, "constraints", R"([{"name":"FixAtoms","kwargs":{"indices":[1]}}])");
  both.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(std::span(whole)));
  for (const ExportFormat* format : exact_formats) {
    CAPTURE(format->name);
    if (format->open == nullptr) continue;
    const Trip trip = round_trip(*format, {lattice, axes, straight, hookean, both});
    for (std::size_t i = 0; i < 5; ++i) {
      CAPTURE(i);
      check_same(trip.back[i], i == 0 ? lattice : i == 1 ? axes : i == 2 ? straight : i == 3 ? hookean : both);
    }
  }
  const auto notes_of_poscar = [](Structure s) {
    const TempDir folder;
    std::set<std::string> notes;
    ExportOptions options;
    options.note = [&](std::string_view text) { notes.emplace(text); };
    const auto exporter = export_format("poscar")->open(folder / "new", options);
    std::vector<std::byte> record;
    std::string out;
    encode_record(s, record);
    exporter->encode(RecordView(record, s.positions_type), 0, out);
    return notes;
  };
  const char* const other = "atoms of some records are fixed along some of x, y and z, and a POSCAR fixes along lattice vectors, which are others there";
  CHECK(notes_of_poscar(axes).contains(other));
  for (const Structure& s : {lattice, straight, both}) CHECK_FALSE(notes_of_poscar(s).contains(other));
}

TEST_CASE("round trip: JSON lines whose types do not fit their values are judged by the values") {
  const TempDir folder;
  const std::string path = folder / "x.jsonl";
  const auto read = [&](const std::string& types) {
    write_text(path, R"({"numbers":[1,1],"positions":[[0.1,0,0],[0,0,1]],"atom_properties":{"a":[1,2]},"properties":{"b":[1,2],"c":"x","d":0.123456789012},"atp_types":)" + types + "}\n");
    const auto reader = open_input(path, "", {});
    return read_all(*reader);
  };
  for (const char* types : {"{}", "[]", "null", "1", R"({"positions":"string","atom":{"a":"f64"},"molecule":{"b":"vec3_f64","c":"f64","d":"tensor_i32 [4,4,4]"}})",
                            R"({"builtin":{"x":"f32"},"atom":{"a":"string"},"molecule":{"b":"f32_array [","d":"nonsense","c":7}})"}) {
    CAPTURE(types);
    const ReadFrames r = read(types);
    REQUIRE(r.frames.size() == 1);
    if (types[0] != '{') continue;  // no line of atp's
    const Structure& s = r.frames[0];
    CHECK(numbers(s, Kind::atom, "a") == std::vector<double>{1, 2});
    CHECK(numbers(s, Kind::molecule, "b") == std::vector<double>{1, 2});
    CHECK(text(s, Kind::molecule, "c") == "x");
    CHECK(f64(s, Kind::molecule, "d") == 0.123456789012);
    CHECK(positions(s) == std::vector<double>{0.1, 0, 0, 0, 0, 1});
  }
}

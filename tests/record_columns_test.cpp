#include "core/query/record_columns.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"

using namespace atp;

namespace {

constexpr std::size_t kMost = 2000;

// The value of a column, as text: "null", "3", "-1.5", "'H2O'".
std::string text_of(const SqlValue& value) {
  if (const auto* v = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<double>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<std::string_view>(&value)) return fmt::format("'{}'", *v);
  return "null";
}

const RecordColumn& column_named(const std::vector<RecordColumn>& columns, const std::string& name) {
  const auto found = std::ranges::find(columns, name, &RecordColumn::name);
  REQUIRE(found != columns.end());
  return *found;
}

std::string value(const Dataset& dataset, std::uint64_t record, const std::string& name) {
  RecordRow row(dataset);
  row.move_to(record);
  const auto columns = record_columns(dataset, kMost);
  return text_of(row.value(column_named(columns, name)));
}

Structure atoms(std::vector<std::uint8_t> numbers) {
  Structure s;
  s.atomic_numbers = std::move(numbers);
  s.set_positions(std::vector<double>(3 * s.atomic_numbers.size(), 0.5));
  return s;
}

Structure water() {
  Structure s = atoms({8, 1, 1});
  s.set_energy(-6);
  s.set_forces(std::vector<double>{3, 0, 4, 0, 0, 1, 0, 0, 0});
  s.set_cell({2, 0, 0, 0, 3, 0, 1, 1, 4});
  s.set_stress({0.1, 7, 7, 7, 0.2, 7, 7, 7, 0.6});
  s.set_pbc({true, false, true});
  s.put_string(Kind::builtin, "name", "w");
  return s;
}

}  // namespace

TEST_CASE("record_columns: values worked out by hand") {
  const test::TempDir dir;
  const std::string path = dir / "a.atp";
  test::write(path, {water()});
  const Dataset d({path});
  CHECK(value(d, 0, "record") == "0");
  CHECK(value(d, 0, "shard") == "'" + path + "'");
  CHECK(value(d, 0, "n_atoms") == "3");
  CHECK(value(d, 0, "formula") == "'H2O'");
  CHECK(value(d, 0, "n_elements") == "2");
  CHECK(value(d, 0, "energy") == "-6");
  CHECK(value(d, 0, "energy_per_atom") == "-2");
  CHECK(value(d, 0, "max_force") == "5");
  CHECK(value(d, 0, "rms_force") == fmt::format("{}", std::sqrt(26.0 / 9)));
  CHECK(value(d, 0, "volume") == "24");
  CHECK(value(d, 0, "pressure") == fmt::format("{}", -(0.1 + 0.2 + 0.6) / 3));
  CHECK(value(d, 0, "pbc") == "'TFT'");
  CHECK(value(d, 0, "name") == "'w'");
}

TEST_CASE("record_columns: what is not there or has no answer") {
  const test::TempDir dir;
  Structure bare = atoms({1}), empty = atoms({}), odd = water();
  empty.set_energy(1);
  empty.set_forces({});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  odd.set_forces(std::vector<double>{9, 9, 9, nan, 0, 0, 0, 0, 0});
  odd.set_energy(nan);
  odd.set_cell({});
  test::write(dir / "a.atp", {bare, empty, odd});
  const Dataset d({dir / "a.atp"});
  for (const char* name : {"energy", "energy_per_atom", "max_force", "rms_force", "volume", "pressure", "pbc", "name"})
    CHECK(value(d, 0, name) == "null");
  CHECK(value(d, 1, "formula") == "''");
  CHECK(value(d, 1, "n_elements") == "0");
  CHECK(value(d, 1, "energy") == "1");
  for (const char* name : {"energy_per_atom", "max_force", "rms_force"}) CHECK(value(d, 1, name) == "null");
  for (const char* name : {"energy", "energy_per_atom", "max_force", "rms_force"}) CHECK(value(d, 2, name) == "nan");
  CHECK(value(d, 2, "volume") == "0");
}

TEST_CASE("record_columns: properties and names that are taken") {
  const test::TempDir dir;
  Structure s = water();
  s.put_f64(Kind::molecule, "gap", 1.5);
  s.put_i64(Kind::molecule, "id", std::numeric_limits<std::int64_t>::max());
  s.put_string(Kind::molecule, "source", "it's");
  s.put_string(Kind::molecule, "Energy", "other");
  s.put_i64(Kind::molecule, "Gap", 2);
  s.put_i64(Kind::molecule, "gAP", 3);
  s.put_i64(Kind::molecule, "rowid", 4);
  s.put_i64(Kind::molecule, "", 5);
  s.put_i64(Kind::molecule, "a \"b\"", 6);
  s.put_i64(Kind::molecule, std::string_view("n\0l", 3), 7);
  s.put_array<double>(Kind::molecule, "dipole", Type::f64_array, std::vector<double>{1, 2, 3});
  s.put_array<double>(Kind::atom, "spin", Type::f64_array, std::vector<double>{1, 2, 3});
  test::write(dir / "a.atp", {s, water()});
  const Dataset d({dir / "a.atp"});
  CHECK(value(d, 0, "Gap") == "2");  // by bytes "Gap" < "gAP" < "gap": the first keeps its name
  CHECK(value(d, 0, "molecule:gAP") == "3");
  CHECK(value(d, 0, "molecule:molecule:gap") == "1.5");
  CHECK(value(d, 0, "id") == "9223372036854775807");
  CHECK(value(d, 0, "source") == "'it's'");
  CHECK(value(d, 0, "energy") == "-6");
  CHECK(value(d, 0, "molecule:Energy") == "'other'");
  CHECK(value(d, 0, "molecule:rowid") == "4");
  CHECK(value(d, 0, "") == "5");
  CHECK(value(d, 0, "a \"b\"") == "6");
  CHECK(value(d, 1, "id") == "null");
  // NUL cannot be written in SQL; arrays and what belongs to atoms have no single value.
  CHECK(record_columns(d, kMost).size() == 13 + 9);
  CHECK_THROWS_AS(record_columns(d, 21), Error);
}

TEST_CASE("record_columns: shards that disagree") {
  const test::TempDir dir;
  Structure real = water(), whole = water(), text = water(), array = water();
  real.put_f64(Kind::molecule, "gap", 1.5);
  whole.put_i64(Kind::molecule, "gap", 2);
  text.put_string(Kind::molecule, "gap", "wide");
  array.put_array<double>(Kind::molecule, "gap", Type::f64_array, std::vector<double>{1, 2});
  int shard = 0;
  for (const Structure& s : {real, whole, text, water(), array}) test::write(dir / fmt::format("{}.atp", shard++), {s});
  const Dataset d({dir.path().string()});
  REQUIRE(d.size() == 5);
  CHECK(column_named(record_columns(d, kMost), "gap").type == "");
  CHECK(value(d, 0, "gap") == "1.5");
  CHECK(value(d, 1, "gap") == "2");
  CHECK(value(d, 2, "gap") == "'wide'");
  CHECK(value(d, 3, "gap") == "null");
  CHECK(value(d, 4, "record") == "4");
  CHECK(value(d, 4, "shard") == "'" + dir / "4.atp" + "'");
  try {
    value(d, 4, "gap");
    FAIL("an array is no value");
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    CHECK(e.where() == (dir / "4.atp") + ": record 0");
    CHECK(e.problem() == "property 'gap' is f64_array here, not one number or text");
  }
}

TEST_CASE("record_columns: the fixtures' numbers and texts") {
  std::size_t compared = 0;
  for (const std::string& path : test::fixtures()) {
    CAPTURE(path);
    simdjson::dom::parser parser;
    const simdjson::dom::element facts = parser.load(path.substr(0, path.size() - 4) + ".json");
    const Dataset d({path});
    const auto columns = record_columns(d, kMost);
    RecordRow row(d);
    std::uint64_t i = 0;
    for (const simdjson::dom::element molecule : facts["molecules"].get_array()) {
      row.move_to(i++);
      const auto is = [&](const std::string& name, simdjson::dom::element wanted) {
        CAPTURE(name);
        const std::string got = text_of(row.value(column_named(columns, name)));
        ++compared;
        if (wanted.is_null()) CHECK(got == "null");
        else if (wanted.is_string()) CHECK(got == fmt::format("'{}'", std::string_view(wanted)));
        else if (wanted.is_int64()) CHECK(got == fmt::format("{}", std::int64_t(wanted)));
        else CHECK(got == fmt::format("{}", double(wanted)));
      };
      is("n_atoms", molecule["n_atoms"]);
      is("name", molecule["name"]);
      if (molecule["energy"].is_null()) is("energy", molecule["energy"]);
      else is("energy", molecule["energy"]["value"]);
      for (const auto& [key, property] : molecule["properties"].get_object()) {
        simdjson::dom::element scalar;
        if (property["value"].get(scalar) == simdjson::SUCCESS) is(std::string(key), scalar);
      }
    }
  }
  CHECK(compared > 150);
}

TEST_CASE("record_columns: only what is asked for is read") {
  const test::TempDir dir;
  const std::string path = dir / "a.atp";
  test::write(path, {water(), water()});
  auto bytes = test::read_bytes(path);
  bytes[kFirstData + 20] ^= std::byte{1};  // record 0, a position
  test::write_bytes(path, bytes);
  const Dataset d({path});
  CHECK(value(d, 0, "record") == "0");
  CHECK(value(d, 0, "shard") == "'" + path + "'");
  CHECK(value(d, 0, "n_atoms") == "3");
  CHECK(value(d, 1, "energy") == "-6");
  for (const char* name : {"formula", "energy", "name", "volume"}) {
    CHECK_THROWS_WITH_AS(value(d, 0, name), doctest::Contains((path + ": record 0: is damaged").c_str()), Error);
  }
}

#include "core/atp/record.h"

#include <doctest/doctest.h>

#include "core/atp/schema.h"
#include "core/base/error.h"
#include "tests/support/random_structure.h"

using namespace atp;

namespace {

Structure two_atoms() {
  Structure s;
  s.atomic_numbers = {1, 8};
  s.set_positions(std::vector<double>{0, 0, 0, 1, 2, 3});
  return s;
}

std::vector<std::byte> encoded(Structure s) {
  std::vector<std::byte> out;
  encode_record(s, out);
  return out;
}

std::string problem_of(Structure s) {
  try {
    encoded(std::move(s));
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("random structures with random fields come back equal") {
  std::mt19937_64 random(1);
  Structure s, back;
  for (int seed = 0; seed < 5000; ++seed) {
    test::fill_random(s, random, false);
    const auto record = encoded(s);
    const RecordView view(record, s.positions_type);
    view.check();
    view.copy_to(back);
    REQUIRE(test::same(s, back));
    REQUIRE(encoded(back) == record);
  }
}

TEST_CASE("a record cut at any length is an error or a whole record") {
  std::mt19937_64 random(2);
  Structure s;
  for (int seed = 0; seed < 50; ++seed) {
    test::fill_random(s, random, false);
    const auto record = encoded(s);
    for (std::size_t n = 0; n < record.size(); ++n) {
      const std::vector<std::byte> cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(n));  // its own heap block: ASan sees any overrun
      CHECK_THROWS_AS(RecordView(cut, s.positions_type).check(), Error);
    }
  }
}

TEST_CASE("a record that is too short says what there is no room for") {
  auto s = two_atoms();
  s.set_energy(-1.5);
  const auto record = encoded(s);
  const auto said = [&](std::vector<std::byte> bytes, Type positions) -> std::string {
    try {
      RecordView(bytes, positions).check();
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  };
  const auto first = [&](std::size_t n) { return std::vector<std::byte>(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(n)); };
  REQUIRE(s.positions_type == Type::vec3_f64);
  CHECK(said(record, Type::vec3_f64).empty());
  CHECK(said(first(3), Type::vec3_f64).find("the atom count needs 4 bytes, 3 are left") != std::string::npos);
  CHECK(said(first(51), Type::vec3_f64).find("positions needs 48 bytes, 47 are left") != std::string::npos);
  CHECK(said(first(53), Type::vec3_f64).find("atomic numbers needs 2 bytes, 1 are left") != std::string::npos);
  CHECK(said(first(55), Type::vec3_f64).find("the section count needs 2 bytes, 1 are left") != std::string::npos);
  CHECK(said(first(29), Type::vec3_f32).find("atomic numbers needs 2 bytes, 1 are left") != std::string::npos);
  auto many = record;
  std::fill_n(many.begin(), 4, std::byte{255});
  CHECK(said(many, Type::vec3_f64).find("positions needs 103079215080 bytes") != std::string::npos);
}

TEST_CASE("what FORMAT.md allows, however odd, is read") {
  auto s = two_atoms();
  s.set_energy(-1.5);
  auto record = encoded(s);

  SUBCASE("bytes after the last section") {
    record.push_back(std::byte{7});
    CHECK(RecordView(record, Type::vec3_f64).energy() == -1.5);
  }
  SUBCASE("the same section twice: the last counts") {
    auto other = two_atoms();
    other.set_energy(2.5);
    const auto second = encoded(other);
    const std::size_t fixed = 4 + 2 * 25 + 2;
    record.insert(record.end(), second.begin() + fixed, second.end());
    store<std::uint16_t>(&record[fixed - 2], 2);
    const RecordView view(record, Type::vec3_f64);
    CHECK(view.energy() == 2.5);
    Structure copy;
    view.copy_to(copy);
    CHECK(copy.sections().size() == 1);
  }
  SUBCASE("unknown section kinds and builtin keys are passed over") {
    auto unknown = record;
    unknown[4 + 2 * 25 + 2] = std::byte{9};
    CHECK_FALSE(RecordView(unknown, Type::vec3_f64).energy());
    unknown = record;
    unknown[4 + 2 * 25 + 2 + 2] = std::byte{'E'};
    CHECK_FALSE(RecordView(unknown, Type::vec3_f64).energy());
  }
  SUBCASE("a scalar longer than 8 bytes: the first 8 count") {
    s.put(Kind::molecule, "long", Type::f64).assign(12, std::byte{0});
    store(s.sections()[1].payload.data(), 4.0);
    const auto longer = encoded(s);
    CHECK(decode_value(*RecordView(longer, Type::vec3_f64).find(Kind::molecule, "long")).numbers.real(0) == 4.0);
  }
  SUBCASE("a property named like a builtin") {
    s.put_string(Kind::molecule, "energy", "text");
    const auto both = encoded(s);
    CHECK(RecordView(both, Type::vec3_f64).energy() == -1.5);
  }
  SUBCASE("no atoms, dimensions of 0, rank 255") {
    Structure none;
    const std::vector<std::uint32_t> dims(255, 1), zero = {0, 4000000000u, 4000000000u};
    const double one = 1;
    none.put_tensor(Kind::molecule, "deep", Type::tensor_f64, dims, std::as_bytes(std::span(&one, 1)));
    none.put_tensor(Kind::molecule, "zero", Type::tensor_f64, zero, {});
    const auto odd = encoded(none);
    RecordView(odd, Type::vec3_f64).check();
  }
}

TEST_CASE("a structure that cannot be a record is refused with its reason") {
  auto s = two_atoms();
  SUBCASE("a key too long") {
    s.put_f64(Kind::molecule, std::string(256, 'k'), 1);
    CHECK(problem_of(s).find("256 bytes") != std::string::npos);
  }
  SUBCASE("the longest key fits") {
    s.put_f64(Kind::molecule, std::string(255, 'k'), 1);
    CHECK(problem_of(s) == "");
  }
  SUBCASE("one key for atoms and molecule") {
    s.put_array<double>(Kind::atom, "q", Type::f64_array, std::vector<double>{1, 2});
    s.put_f64(Kind::molecule, "q", 1);
    CHECK(problem_of(s) == "'q' is both an atom and a molecule property");
  }
  SUBCASE("forces for another number of atoms") {
    s.set_forces(std::vector<double>{1, 2, 3});
    CHECK(problem_of(s) == "forces has values for 1 atoms, the molecule has 2");
  }
  SUBCASE("a builtin of a wrong type") {
    s.put_i64(Kind::builtin, "energy", 3);
    CHECK(problem_of(s) == "energy cannot be i64");
  }
  SUBCASE("types that are for builtins only") {
    const float f = 1;
    s.put_bytes(Kind::molecule, "x", Type::f32, std::as_bytes(std::span(&f, 1)));
    CHECK(problem_of(s).find("builtin") != std::string::npos);
  }
  SUBCASE("a string per atom") {
    s.put_string(Kind::atom, "label", "C1 H2");
    CHECK(problem_of(s).find("string per atom") != std::string::npos);
  }
  SUBCASE("a tensor whose shape does not fit its bytes") {
    s.put_tensor(Kind::molecule, "t", Type::tensor_i32, std::vector<std::uint32_t>{65536, 65536, 65536, 65536}, {});
    CHECK(problem_of(s).find("shape") != std::string::npos);
  }
}

TEST_CASE("the schema lock names what differs") {
  Schema schema;
  auto s = two_atoms();
  s.set_forces(std::vector<double>(6, 0));
  s.put_i64(Kind::molecule, "step", 1);
  CHECK(schema.add(s) == "");
  CHECK(schema.needed_record_format() == 3);
  CHECK(Schema::decode(schema.encode()) == schema);
  s.put_f64(Kind::molecule, "step", 1);
  CHECK(schema.add(s) == "property 'step' is f64, before it was i64");
}

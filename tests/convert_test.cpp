#include "core/atp/convert.h"

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "core/base/little.h"

using namespace atp;

namespace {

// As many values as do not fill the last block of numbers that are converted together.
Structure with_positions(double last) {
  Structure s;
  s.atomic_numbers.assign(71, 1);
  std::vector<double> xyz(3 * 71);
  for (std::size_t i = 0; i < xyz.size(); ++i) xyz[i] = static_cast<double>(i) / 3;
  xyz[7] = INFINITY, xyz[8] = NAN, xyz[9] = -static_cast<double>(FLT_MAX);
  xyz.back() = last;
  s.set_positions(std::span<const double>(xyz));
  return s;
}

}  // namespace

TEST_CASE("f64 to f32 over whole arrays: as the processor rounds, and what is too large is refused") {
  constexpr double kRoundsDown = 0x1.fffffefp127, kRoundsToInfinity = 0x1.ffffffp127;
  Structure s = with_positions(kRoundsDown);
  apply_dtype(s, DtypePolicy::standard);
  REQUIRE(s.positions_type == Type::vec3_f32);
  REQUIRE(s.positions.size() == 12 * 71);
  const auto at = [&](std::size_t i) { return load<float>(s.positions.data() + 4 * i); };
  for (std::size_t i = 10; i < 3 * 71 - 1; ++i) CHECK(at(i) == static_cast<float>(static_cast<double>(i) / 3));
  CHECK(std::isinf(at(7)));
  CHECK(std::isnan(at(8)));
  CHECK(at(9) == -FLT_MAX);
  CHECK(at(3 * 71 - 1) == FLT_MAX);

  for (const double bad : {kRoundsToInfinity, -kRoundsToInfinity, 1e300}) {
    Structure t = with_positions(bad);
    CHECK_THROWS_WITH_AS(apply_dtype(t, DtypePolicy::standard), doctest::Contains("positions has the value"), Error);
  }
}

TEST_CASE("what only its shape made an atom property becomes the molecule's") {
  const std::vector<double> values = {1, 2, 3};
  Structure s;
  s.atomic_numbers.assign(3, 1);
  s.set_positions(std::vector<double>(9));
  s.put_array<double>(Kind::atom, "plain", Type::f64_array, values);
  s.put_array<double>(Kind::atom, "column", Type::f64_array, values);
  s.find(Kind::atom, "column")->scope = Structure::Scope::guessed_column;
  Schema lock;
  CHECK(lock.add(s).empty());
  move_scope(lock, "plain", 3);
  move_scope(lock, "column", 0);
  CHECK(lock.entries.at({Kind::molecule, "plain"}) == SchemaEntry{Type::f64_array, false, 8, 24});
  CHECK(lock.entries.at({Kind::molecule, "column"}) == SchemaEntry{Type::tensor_f64, false, 8, 0});
  follow_scopes(s, lock);
  coerce(s, lock, false);
  CHECK(s.find(Kind::atom, "plain") == nullptr);
  CHECK(s.find(Kind::molecule, "plain")->type == Type::f64_array);
  CHECK(decode_value(s.find(Kind::molecule, "column")->view()).shape() == std::vector<std::uint64_t>{3, 1});
  CHECK(lock.add(s).empty());
}

TEST_CASE("the atoms' magmom makes room for the molecule's") {
  Structure s;
  s.atomic_numbers.assign(1, 26);
  s.put_array<float>(Kind::atom, "magmom", Type::f32_array, std::vector<float>{2.5});
  Schema lock;
  lock.entries.emplace(Schema::Key{Kind::atom, "magmom"}, SchemaEntry{Type::f32_array, true, 4, 4});
  lock.entries.emplace(Schema::Key{Kind::atom, "magmoms"}, SchemaEntry{Type::f64_array, true, 8, 8});
  CHECK_FALSE(has_total_moment(lock));
  REQUIRE(rename_moments(lock));
  lock.entries.emplace(Schema::Key{Kind::molecule, "magmom"}, SchemaEntry{Type::f64, false, 8, 8});
  REQUIRE(has_total_moment(lock));
  follow_scopes(s, lock);
  coerce(s, lock, false);
  CHECK(s.find(Kind::atom, "magmom") == nullptr);
  CHECK(s.find(Kind::atom, "magmoms")->type == Type::f64_array);
}

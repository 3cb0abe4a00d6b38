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

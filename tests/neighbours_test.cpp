#include "core/chem/neighbours.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/base/error.h"

using namespace atp;

namespace {

using Cell = std::array<double, 9>;

// Every pair, every image within a box of images that surely holds the cutoff's sphere.
std::uint64_t brute_force(const std::vector<double>& xyz, const Cell& cell, const std::array<bool, 3>& pbc,
                          double cutoff, int images) {
  const std::size_t n = xyz.size() / 3;
  std::uint64_t found = 0;
  std::array<int, 3> m;
  for (std::size_t k = 0; k < 3; ++k) m[k] = pbc[k] ? images : 0;
  for (int a = -m[0]; a <= m[0]; ++a)
    for (int b = -m[1]; b <= m[1]; ++b)
      for (int c = -m[2]; c <= m[2]; ++c)
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j) {
            if (i == j && a == 0 && b == 0 && c == 0) continue;
            double d2 = 0;
            for (std::size_t k = 0; k < 3; ++k) {
              const double d = xyz[3 * j + k] + a * cell[k] + b * cell[3 + k] + c * cell[6 + k] - xyz[3 * i + k];
              d2 += d * d;
            }
            found += d2 < cutoff * cutoff;
          }
  return found;
}

double volume(const Cell& c) {
  return c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) + c[2] * (c[3] * c[7] - c[4] * c[6]);
}

}  // namespace

TEST_CASE("neighbours: linked cells count what brute force counts") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> skew(-0.6, 0.6), place(-2, 3), length(0.6, 9), radius(0.3, 5);
  NeighbourCounter counter;
  int compared = 0;
  while (compared < 400) {
    const double scale = length(random);
    Cell cell;
    for (std::size_t k = 0; k < 9; ++k) cell[k] = scale * ((k % 4 == 0 ? 1 : 0) + skew(random));
    if (std::abs(volume(cell)) < 0.3 * scale * scale * scale) continue;
    const std::array<bool, 3> pbc{random() % 2 == 0, random() % 2 == 0, random() % 3 != 0};
    double cutoff = std::min(radius(random), 3 * scale);
    std::vector<double> xyz(3 * (1 + random() % 24));
    for (double& v : xyz) v = place(random) * scale;
    // Atoms lie up to five cells apart, and a sphere of 3 scale reaches a few flat cells further.
    const std::uint64_t wanted = brute_force(xyz, cell, pbc, cutoff, 18);
    CAPTURE(compared);
    CAPTURE(cutoff);
    CHECK(counter.count(xyz, cell, pbc, cutoff) == wanted);
    ++compared;
  }
}

TEST_CASE("neighbours: many atoms in many bins") {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> place(0, 20);
  std::vector<double> xyz(3 * 600);
  for (double& v : xyz) v = place(random);
  const Cell cell{20, 0, 0, 3, 19, 0, -4, 2, 21};
  NeighbourCounter counter;
  for (const std::array<bool, 3> pbc : {std::array{true, true, true}, std::array{false, true, false},
                                        std::array{true, false, true}, std::array{false, false, false}})
    for (double cutoff : {1.0, 3.7, 9.9})
      CHECK(counter.count(xyz, cell, pbc, cutoff) == brute_force(xyz, cell, pbc, cutoff, 2));
}

TEST_CASE("neighbours: crystals with known shells") {
  NeighbourCounter counter;
  const Cell cubic{3, 0, 0, 0, 3, 0, 0, 0, 3};
  const std::vector<double> one{0.1, 0.2, 7.3};
  CHECK(counter.count(one, cubic, {true, true, true}, 3.1) == 6);
  CHECK(counter.count(one, cubic, {true, true, true}, 4.3) == 18);
  CHECK(counter.count(one, cubic, {true, false, false}, 9.5) == 6);  // its own images along a row
  CHECK(counter.count(one, cubic, {false, false, false}, 100) == 0);
  const double a = 3.6 / 2;
  CHECK(counter.count(one, {0, a, a, a, 0, a, a, a, 0}, {true, true, true}, 2.6) == 12);
  CHECK(counter.count(std::vector<double>{0, 0, 0, 0, 0, 0}, cubic, {false, false, false}, 1) == 2);
}

TEST_CASE("neighbours: what has no answer, and what would take too long") {
  NeighbourCounter counter;
  const Cell none{}, flat{1, 0, 0, 2, 0, 0, 0, 0, 1}, cubic{3, 0, 0, 0, 3, 0, 0, 0, 3};
  const std::vector<double> two{0, 0, 0, 1, 0, 0};
  CHECK(counter.count(two, none, {false, false, false}, 2) == 2);
  CHECK(counter.count(two, flat, {false, false, true}, 1.5) == brute_force(two, flat, {false, false, true}, 1.5, 4));
  CHECK(counter.count(std::vector<double>{}, cubic, {true, true, true}, 5) == 0);
  CHECK_FALSE(counter.count(two, none, {true, true, true}, 2).has_value());
  CHECK_FALSE(counter.count(two, flat, {true, true, false}, 2).has_value());
  CHECK_FALSE(
      counter.count({{std::numeric_limits<double>::quiet_NaN(), 0, 0}}, cubic, {false, false, false}, 2).has_value());
  CHECK_FALSE(counter.count(two, {std::numeric_limits<double>::infinity()}, {true, false, false}, 2).has_value());
  CHECK_THROWS_AS(counter.count(two, cubic, {true, true, true}, 1e9), Error);
  CHECK(counter.count(two, cubic, {false, false, false}, 1e9) == 2);
  // A thousand atoms and their images: known before ten seconds of counting.
  CHECK_THROWS_AS(counter.count(std::vector<double>(3000, 0.5), {20, 0, 0, 0, 20, 0, 0, 0, 20}, {true, true, true}, 600), Error);
  CHECK_THROWS_WITH_AS(counter.count(std::vector<double>(3000, 0.5), {20, 0, 0, 0, 20, 0, 0, 0, 20}, {true, true, true}, 225),
                       "would have about 6e+09 edges, more than 2^32; pass a smaller --cutoff", Error);
  // One atom far away must not cost the memory of the empty space.
  CHECK(counter.count(std::vector<double>{0, 0, 0, 1, 0, 0, 1e15, 0, 0}, none, {false, false, false}, 1.5) == 2);
}

#include "core/chem/formula.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "core/chem/cell.h"

using namespace atp;

namespace {

std::string formula(const std::vector<std::uint8_t>& numbers) { return Composition(std::as_bytes(std::span(numbers))).formula(); }

}  // namespace

TEST_CASE("formula: Hill order") {
  CHECK(formula({}) == "");
  CHECK(formula({1, 1, 8}) == "H2O");
  CHECK(formula({8, 6, 6, 1, 1, 1, 1, 1, 1}) == "C2H6O");
  CHECK(formula({17, 11}) == "ClNa");           // without carbon by symbol
  CHECK(formula({1, 35, 17, 6}) == "CHBrCl");   // with carbon C, H, then by symbol
  CHECK(formula({8, 1, 5}) == "BHO");           // hydrogen has no place of its own without carbon
  CHECK(formula({20, 6, 8, 8, 8}) == "CCaO3");
  CHECK(formula({0, 0, 1}) == "HX2");
  CHECK(formula({119, 119, 200, 118}) == "Og[119]2[200]");
}

TEST_CASE("formula: what was written is read back") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint8_t> numbers(random() % 30);
    for (auto& z : numbers) z = static_cast<std::uint8_t>(random() % (round % 2 == 0 ? 12 : 256));
    const Composition wanted(std::as_bytes(std::span(numbers)));
    const auto got = Composition::parse(wanted.formula());
    REQUIRE(got);
    for (int z = 0; z < 256; ++z) CHECK(got->of(static_cast<std::uint8_t>(z)) == wanted.of(static_cast<std::uint8_t>(z)));
    CHECK(got->n_elements() == wanted.n_elements());
  }
}

TEST_CASE("formula: other texts") {
  CHECK(Composition::parse("OHOH")->of(8) == 2);
  CHECK(Composition::parse("C0")->n_elements() == 0);
  for (const char* bad : {"h2", "C-1", " C", "C ", "Qq", "[256]", "[1", "[]", "[-1]", "2C", "C99999999999", "C18446744073709551616", "\xff"})
    CHECK_FALSE(Composition::parse(bad));
}

TEST_CASE("cell: volumes") {
  CHECK(cell_volume({2, 0, 0, 0, 3, 0, 0, 0, 4}) == 24);
  CHECK(cell_volume({0, 2, 0, 3, 0, 0, 0, 0, 4}) == 24);  // left-handed
  CHECK(cell_volume({1, 2, 3, 2, 4, 6, 0, 0, 1}) == 0);
  CHECK(cell_volume({0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 0.4, 0.5, 0.6}) == 0);  // flat but for rounding
  CHECK(cell_volume({}) == 0);
  CHECK(std::isnan(cell_volume({NAN, 0, 0, 0, 1, 0, 0, 0, 1})));
  CHECK_FALSE(std::isfinite(cell_volume({INFINITY, 0, 0, 0, 1, 0, 0, 0, 1})));
}

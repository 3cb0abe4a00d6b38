#include "tests/support/molecules.h"

#include <doctest/doctest.h>

#include "core/query/query.h"
#include "tests/support/damaged.h"

namespace atp::test {

Structure molecule(std::vector<std::uint8_t> numbers, double energy) {
  Structure s;
  s.atomic_numbers = std::move(numbers);
  s.set_positions(std::vector<double>(3 * s.atomic_numbers.size(), 0.5));
  s.set_energy(energy);
  return s;
}

Molecules::Molecules() {
  write(dir_ / "0.atp", {molecule({8, 1, 1}, -6), molecule({6, 1, 1, 1, 1}, -10), molecule({8, 8}, -5)});
  write(dir_ / "1.atp", {});
  write(dir_ / "2.atp", {molecule({11, 17}, -8), molecule({1, 1}, -2)});
  write(dir_ / "3.atp", {molecule({1, 8, 1}, -7), molecule({}, 0), molecule({6, 8, 8}, -12)});
  dataset.emplace(std::vector<std::string>{dir_.path().string()});
}

bool no_sqlite() {
  if (!query_missing().empty()) MESSAGE("skipped: ", query_missing());
  return !query_missing().empty();
}

}  // namespace atp::test

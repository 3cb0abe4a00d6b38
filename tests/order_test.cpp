// Orders are permutations, the same on every machine.
#include "core/shard/order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/shard/keys.h"

using namespace atp;

namespace {

using Numbers = std::vector<std::uint64_t>;

Numbers upto(std::uint64_t n) {
  Numbers numbers(n);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  return numbers;
}

Numbers shuffled(std::uint64_t n, std::uint64_t seed) {
  Numbers numbers = upto(n);
  shuffle(numbers, seed);
  return numbers;
}

std::vector<std::byte> atoms(std::initializer_list<int> numbers) {
  std::vector<std::byte> out;
  for (const int z : numbers) out.push_back(static_cast<std::byte>(z));
  return out;
}

}  // namespace

TEST_CASE("a shuffle is a permutation, and its seed is all that decides it") {
  for (const std::uint64_t n : {0, 1, 2, 3, 10, 1000}) {
    Numbers sorted = shuffled(n, 5);
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == upto(n));
    CHECK(shuffled(n, 5) == shuffled(n, 5));
  }
  CHECK(shuffled(1000, 5) != shuffled(1000, 6));
  // Golden: a plan made elsewhere must be the same one.
  CHECK(SeededNumbers(0).next() == 0xe220a8397b1dcdaf);  // as published with SplitMix64
  CHECK(shuffled(5, 0) == Numbers{2, 1, 0, 3, 4});  // the example of the manual page
  CHECK(shuffled(10, 0) == Numbers{0, 2, 5, 7, 6, 8, 3, 9, 1, 4});  // from a Python program of its own
}

TEST_CASE("every place gets every record equally often") {
  std::vector<std::vector<int>> counts(5, std::vector<int>(5));
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const Numbers order = shuffled(5, seed);
    for (std::size_t i = 0; i < 5; ++i) ++counts[i][order[i]];
  }
  for (const auto& row : counts) {
    for (const int count : row) CHECK(std::abs(count - 1000) < 150);  // 5 standard deviations are 141
  }
}

TEST_CASE("numbers below a bound") {
  SeededNumbers numbers(1);
  for (const std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()}) {
    for (int i = 0; i < 100; ++i) CHECK(numbers.below(bound) < bound);
  }
}

TEST_CASE("sorting by key keeps the order of equals") {
  Numbers records{7, 3, 9, 1, 5};
  sort_by_key(records, Numbers{2, 1, 2, 1, 0});
  CHECK(records == Numbers{5, 3, 1, 7, 9});
}

TEST_CASE("a sample keeps the order, and has the size asked for") {
  for (const std::uint64_t count : {0, 1, 50, 99, 100}) {
    Numbers numbers = upto(100);
    sample(numbers, count, 3);
    CHECK(numbers.size() == count);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    CHECK(std::set<std::uint64_t>(numbers.begin(), numbers.end()).size() == count);
  }
}

TEST_CASE("the Z-curve: neighbours in both, and no number is refused") {
  CHECK(morton_key(1, 10) < morton_key(1000, 10));
  CHECK(morton_key(10, 1) < morton_key(10, 1000));
  CHECK(morton_key(0, 0) == 0);
  CHECK(morton_key(0, -1) == 0);
  CHECK(morton_key(0, std::nan("")) == 0);
  CHECK(morton_key(0, std::numeric_limits<double>::infinity()) == 0);
  CHECK(morton_key(0, 1e300) < std::numeric_limits<std::uint32_t>::max());
}

TEST_CASE("formulas: the order of atoms does not matter, their number does") {
  CHECK(formula_key(atoms({1, 8, 1})) == formula_key(atoms({8, 1, 1})));
  CHECK(formula_key(atoms({1, 8, 1})) != formula_key(atoms({8, 1})));
  CHECK(formula_key(atoms({1, 8})) < formula_key(atoms({6, 8})));
  CHECK(formula_key(atoms({})) == formula_key(atoms({})));
  CHECK(formula_key(atoms({255, 0, 1, 2, 3, 4, 5})) != formula_key(atoms({255, 0, 1, 2, 3, 4})));
}

TEST_CASE("duplicates: all but the first") {
  const std::vector<Hash128> keys{{1, 1}, {2, 2}, {1, 1}, {1, 2}, {2, 2}, {1, 1}};
  CHECK(duplicates_among(keys) == Numbers{2, 4, 5});
  Numbers list{10, 11, 12, 13, 14, 15};
  remove_places(list, Numbers{2, 4, 5});
  CHECK(list == Numbers{10, 11, 13});
}

TEST_CASE("splits: exact by record, whole by group") {
  const std::vector<double> fractions{0.8, 0.1, 0.1};
  const auto parts = split_items(1000, fractions, 4);
  for (std::uint32_t p = 0; p < 3; ++p) CHECK(std::count(parts.begin(), parts.end(), p) == (p == 0 ? 800 : 100));
  CHECK(parts == split_items(1000, fractions, 4));
  CHECK(parts != split_items(1000, fractions, 5));

  std::vector<Hash128> groups;
  for (std::uint64_t i = 0; i < 1000; ++i) groups.push_back({0, i % 100});
  const auto of = split_groups(groups, fractions, 4);
  for (std::uint64_t i = 100; i < 1000; ++i) CHECK(of[i] == of[i % 100]);
  CHECK(std::count(of.begin(), of.end(), 0U) == 800);
  CHECK(split_groups(groups, fractions, 9) != of);
}

// Splits against brute force, and what each algorithm promises.
#include "core/shard/split.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace atp;

namespace {

using Numbers = std::vector<std::uint64_t>;

std::uint64_t largest(const Numbers& prefix, const Numbers& bounds) { return balance_of(prefix, bounds).largest; }

// The best of all contiguous splits, by trying them.
std::uint64_t brute_force(const Numbers& prefix, std::uint64_t begin, std::uint64_t shards, std::uint64_t most) {
  const std::uint64_t n = prefix.size() - 1;
  if (shards == 1) return n - begin > most ? UINT64_MAX : prefix[n] - prefix[begin];
  std::uint64_t best = UINT64_MAX;
  for (std::uint64_t end = begin + 1; end + (shards - 1) <= n && end - begin <= most; ++end) {
    best = std::min(best, std::max(prefix[end] - prefix[begin], brute_force(prefix, end, shards - 1, most)));
  }
  return best;
}

void check_bounds(const Numbers& bounds, std::uint64_t n, std::uint64_t shards, std::uint64_t most = UINT64_MAX) {
  REQUIRE(bounds.size() == shards + 1);
  CHECK(bounds.front() == 0);
  CHECK(bounds.back() == n);
  for (std::size_t k = 0; k < shards; ++k) {
    CHECK(bounds[k] < bounds[k + 1]);
    CHECK(bounds[k + 1] - bounds[k] <= most);
  }
}

std::vector<std::uint32_t> random_weights(std::mt19937_64& random, std::uint64_t n) {
  std::vector<std::uint32_t> weights(n);
  const int kind = static_cast<int>(random() % 4);
  for (auto& w : weights) {
    switch (kind) {
      case 0: w = static_cast<std::uint32_t>(random() % 10); break;
      case 1: w = random() % 8 == 0 ? 1000 : 1; break;
      case 2: w = static_cast<std::uint32_t>(random() % 3 == 0); break;  // zeros, too
      default: w = static_cast<std::uint32_t>(std::uint64_t{1} << random() % 31); break;
    }
  }
  return weights;
}

}  // namespace

TEST_CASE("the even split is the best contiguous one, whatever the weights") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t n = 1 + random() % 10, shards = 1 + random() % n;
    const auto weights = random_weights(random, n);
    const Numbers prefix = prefix_sums(weights);
    CAPTURE(weights);
    CAPTURE(shards);
    const Numbers bounds = split_evenly(prefix, shards);
    check_bounds(bounds, n, shards);
    CHECK(largest(prefix, bounds) == brute_force(prefix, 0, shards, UINT64_MAX));

    const std::uint64_t least = (n + shards - 1) / shards, most = least + random() % 3;
    const Numbers limited = split_evenly(prefix, shards, most);
    check_bounds(limited, n, shards, most);
    CHECK(largest(prefix, limited) == brute_force(prefix, 0, shards, most));

    const Numbers greedy = split_by_running_average(prefix, shards);
    check_bounds(greedy, n, shards);
    CHECK(largest(prefix, greedy) >= largest(prefix, bounds));
  }
}

TEST_CASE("golden plans") {
  const std::vector<std::uint32_t> weights{5, 1, 1, 1, 5, 1, 1, 1, 5};
  const Numbers prefix = prefix_sums(weights);
  CHECK(split_evenly(prefix, 3) == Numbers{0, 3, 6, 9});
  CHECK(split_by_running_average(prefix, 3) == Numbers{0, 4, 7, 9});
  CHECK(split_evenly(prefix, 1) == Numbers{0, 9});
  CHECK(split_evenly(prefix, 9) == Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(assign_longest_first(weights, 3) == std::vector<std::uint32_t>{0, 0, 1, 2, 1, 0, 1, 2, 2});
}

TEST_CASE("the example of the manual page") {
  const std::vector<std::uint32_t> weights{1, 2, 4, 3, 5, 6};
  const Numbers prefix = prefix_sums(weights);
  CHECK(split_evenly(prefix, 3) == Numbers{0, 3, 5, 6});
  CHECK(split_by_running_average(prefix, 3) == Numbers{0, 4, 5, 6});
  CHECK(assign_longest_first(weights, 3) == std::vector<std::uint32_t>{0, 1, 2, 2, 1, 0});
}

TEST_CASE("shards of a size: as few as can be, a record too heavy alone") {
  const Numbers prefix = prefix_sums(std::vector<std::uint32_t>{4, 4, 4, 20, 4, 4});
  CHECK(shards_needed(prefix, 8) == 4);    // 4 4 | 4 | 20 | 4 4
  CHECK(shards_needed(prefix, 40) == 1);
  CHECK(shards_needed(prefix, 1) == 6);
  CHECK(shards_needed(prefix, UINT64_MAX) == 1);
  CHECK(largest(prefix, split_evenly(prefix, shards_needed(prefix, 24))) <= 24);
}

TEST_CASE("longest first: no shard empty, and within a third of perfect") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t n = 1 + random() % 200;
    const auto shards = static_cast<std::uint32_t>(1 + random() % n);
    const auto weights = random_weights(random, n);
    const auto shard_of = assign_longest_first(weights, shards);
    Numbers loads(shards), counts(shards);
    for (std::size_t i = 0; i < n; ++i) {
      REQUIRE(shard_of[i] < shards);
      loads[shard_of[i]] += weights[i];
      ++counts[shard_of[i]];
    }
    CHECK(*std::min_element(counts.begin(), counts.end()) > 0);
    const std::uint64_t sum = std::accumulate(loads.begin(), loads.end(), std::uint64_t{0});
    // Graham 1969: at most 4/3 - 1/(3m) of the optimum, which is at least the mean and the heaviest, and
    // the two lightest of the m + 1 heaviest together.
    auto sorted = weights;
    std::sort(sorted.rbegin(), sorted.rend());
    std::uint64_t bound = std::max<std::uint64_t>((sum + shards - 1) / shards, sorted[0]);
    if (n > shards) bound = std::max<std::uint64_t>(bound, std::uint64_t{sorted[shards - 1]} + sorted[shards]);
    const auto most = static_cast<double>(*std::max_element(loads.begin(), loads.end()));
    // The bound here may lie below the optimum, so this is a sanity check, not Graham's theorem.
    CHECK(most <= 1.5 * static_cast<double>(bound) + 1);
  }
}

TEST_CASE("a hundred thousand heavy-tailed records") {
  std::mt19937_64 random(3);
  std::vector<std::uint32_t> weights(100000);
  for (auto& w : weights) {
    const double u = (static_cast<double>(random() >> 11) + 1) / 9007199254740993.0;
    w = static_cast<std::uint32_t>(std::min(1e9, 1000 * std::pow(u, -1 / 1.5)));
  }
  const Numbers prefix = prefix_sums(weights);
  for (const std::uint64_t shards : {8, 64, 1024}) {
    const Numbers even = split_evenly(prefix, shards);
    check_bounds(even, weights.size(), shards);
    CHECK(largest(prefix, even) <= largest(prefix, split_by_running_average(prefix, shards)));
    CHECK(balance_of(prefix, even).largest <= balance_of(prefix, even).mean + *std::max_element(weights.begin(), weights.end()));
  }
}

TEST_CASE("equal weights of nothing are a split, too") {
  const Numbers prefix = prefix_sums(std::vector<std::uint32_t>(5, 0));
  check_bounds(split_evenly(prefix, 5), 5, 5);
  check_bounds(split_evenly(prefix, 2), 5, 2);
  check_bounds(split_by_running_average(prefix, 3), 5, 3);
  CHECK(balance_of(prefix, split_evenly(prefix, 2)).ratio() == 1);
}

TEST_CASE("a giant is alone and the others are level") {
  std::vector<std::uint32_t> weights(401, 10);
  weights[200] = 100000;
  const auto bounds = split_evenly(prefix_sums(weights), 8, UINT64_MAX);
  std::vector<std::uint64_t> sizes;
  for (std::size_t k = 0; k < 8; ++k) sizes.push_back(bounds[k + 1] - bounds[k]);
  CHECK(std::count(sizes.begin(), sizes.end(), 1) == 1);
  std::sort(sizes.begin(), sizes.end());
  CHECK(sizes[1] >= 49);
  CHECK(sizes[7] <= 67);
}

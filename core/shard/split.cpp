#include "core/shard/split.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace atp {
namespace {

using Prefix = std::span<const std::uint64_t>;

std::uint64_t records_of(Prefix prefix) { return prefix.size() - 1; }

// The contiguous split under a cap: how far a shard may reach from where it begins. A record that weighs more than
// the cap is a shard alone, so that one giant does not decide how even the others are.
class Reach {
 public:
  Reach(Prefix prefix, std::uint64_t cap, std::uint64_t most) : prefix_(prefix), cap_(cap), most_(most) {}

  // One past the last record that fits into a shard beginning at `begin` < n.
  std::uint64_t last_end(std::uint64_t begin) const {
    const std::uint64_t limit = cap_ > UINT64_MAX - prefix_[begin] ? UINT64_MAX : prefix_[begin] + cap_;
    const auto after = std::upper_bound(prefix_.begin() + static_cast<std::ptrdiff_t>(begin), prefix_.end(), limit);
    const auto end = std::max(static_cast<std::uint64_t>(after - prefix_.begin()) - 1, begin + 1);
    return end - begin > most_ ? begin + most_ : end;
  }

  // The first record from which a shard may reach to `end` > 0.
  std::uint64_t first_begin(std::uint64_t end) const {
    const std::uint64_t limit = prefix_[end] > cap_ ? prefix_[end] - cap_ : 0;
    const auto at = std::lower_bound(prefix_.begin(), prefix_.begin() + static_cast<std::ptrdiff_t>(end), limit);
    const auto begin = std::min(static_cast<std::uint64_t>(at - prefix_.begin()), end - 1);
    return end - begin > most_ ? end - most_ : begin;
  }

  bool covers(std::uint64_t shards) const {
    std::uint64_t at = 0;
    for (std::uint64_t k = 0; k < shards && at < records_of(prefix_); ++k) at = last_end(at);
    return at == records_of(prefix_);
  }

 private:
  Prefix prefix_;
  std::uint64_t cap_, most_;
};

std::uint64_t smallest_cap(Prefix prefix, std::uint64_t shards, std::uint64_t most) {
  std::uint64_t low = 0, high = prefix.back();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (Reach(prefix, middle, most).covers(shards)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return high;
}

// Where a shard that begins at `begin` should end to weigh what the remaining shards weigh on average,
// within [low, high].
std::uint64_t nearest_end(Prefix prefix, std::uint64_t begin, std::uint64_t shards_left, std::uint64_t low, std::uint64_t high) {
  const std::uint64_t target = prefix[begin] + (prefix.back() - prefix[begin]) / shards_left;
  const auto from = prefix.begin() + static_cast<std::ptrdiff_t>(low), to = prefix.begin() + static_cast<std::ptrdiff_t>(high);
  const auto at = static_cast<std::uint64_t>(std::lower_bound(from, to, target) - prefix.begin());
  return at > low && target - prefix[at - 1] <= prefix[at] - std::min(target, prefix[at]) ? at - 1 : at;
}

}  // namespace

std::vector<std::uint64_t> prefix_sums(std::span<const std::uint32_t> weights) {
  std::vector<std::uint64_t> prefix(weights.size() + 1);
  for (std::size_t i = 0; i < weights.size(); ++i) prefix[i + 1] = prefix[i] + weights[i];
  return prefix;
}

std::vector<std::uint64_t> split_evenly(Prefix prefix, std::uint64_t shards, std::uint64_t most) {
  const std::uint64_t n = records_of(prefix);
  const Reach reach(prefix, smallest_cap(prefix, shards, most), most);
  // The first place where shard k may end so that the shards behind it can hold the rest.
  std::vector<std::uint64_t> earliest(shards);
  earliest[shards - 1] = n;
  for (std::uint64_t k = shards - 1; k > 0; --k) earliest[k - 1] = std::max(reach.first_begin(earliest[k]), k);

  std::vector<std::uint64_t> bounds{0};
  bounds.reserve(shards + 1);
  for (std::uint64_t k = 0; k < shards; ++k) {
    const std::uint64_t begin = bounds.back(), left = shards - k;
    const std::uint64_t low = std::max(earliest[k], begin + 1);
    const std::uint64_t high = std::min(reach.last_end(begin), n - (left - 1));
    bounds.push_back(nearest_end(prefix, begin, left, low, high));
  }
  return bounds;
}

std::vector<std::uint64_t> split_by_running_average(Prefix prefix, std::uint64_t shards) {
  const std::uint64_t n = records_of(prefix);
  std::vector<std::uint64_t> bounds{0};
  for (std::uint64_t left = shards; left > 1; --left) {
    const std::uint64_t begin = bounds.back();
    const std::uint64_t limit = prefix[begin] + (prefix.back() - prefix[begin]) / left;
    const auto after = std::upper_bound(prefix.begin() + static_cast<std::ptrdiff_t>(begin), prefix.end(), limit);
    const auto end = static_cast<std::uint64_t>(after - prefix.begin());
    bounds.push_back(std::clamp(end, begin + 1, n - (left - 1)));
  }
  bounds.push_back(n);
  return bounds;
}

std::uint64_t shards_needed(Prefix prefix, std::uint64_t cap) {
  const Reach reach(prefix, cap, UINT64_MAX);
  std::uint64_t shards = 0;
  for (std::uint64_t at = 0; at < records_of(prefix); ++shards) at = reach.last_end(at);
  return shards;
}

std::vector<std::uint32_t> assign_longest_first(std::span<const std::uint32_t> weights, std::uint32_t shards) {
  std::vector<std::uint64_t> order(weights.size());
  for (std::uint64_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::uint64_t a, std::uint64_t b) { return weights[a] > weights[b]; });

  using Load = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;  // weight, records, shard
  std::priority_queue<Load, std::vector<Load>, std::greater<>> lightest;
  for (std::uint32_t k = 0; k < shards; ++k) lightest.emplace(0, 0, k);
  std::vector<std::uint32_t> shard_of(weights.size());
  for (const std::uint64_t i : order) {
    const auto [weight, records, shard] = lightest.top();
    lightest.pop();
    shard_of[i] = shard;
    lightest.emplace(weight + weights[i], records + 1, shard);
  }
  return shard_of;
}

Balance balance_of(Prefix prefix, std::span<const std::uint64_t> bounds) {
  std::vector<std::uint64_t> loads;
  for (std::size_t k = 0; k + 1 < bounds.size(); ++k) loads.push_back(prefix[bounds[k + 1]] - prefix[bounds[k]]);
  return balance_of(loads);
}

Balance balance_of(std::span<const std::uint64_t> loads) {
  Balance b;
  if (loads.empty()) return b;
  b.largest = *std::max_element(loads.begin(), loads.end());
  b.smallest = *std::min_element(loads.begin(), loads.end());
  for (const std::uint64_t load : loads) b.mean += static_cast<double>(load);
  b.mean /= static_cast<double>(loads.size());
  return b;
}

}  // namespace atp

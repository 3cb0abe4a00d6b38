// Records into shards of equal weight: pure functions of the weights.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atp {

// The sums of the first 0, 1 ... n weights: [n + 1]. A weight has any unit (bytes, atoms, records);
// their sum must fit 64 bits.
std::vector<std::uint64_t> prefix_sums(std::span<const std::uint32_t> weights);

// Contiguous splits give [shards + 1] bounds: shard k holds [bounds[k], bounds[k + 1]), at least one
// record. They need 1 <= shards <= n.

// The split whose largest shard is as small as any contiguous split's; under that cap each cut is
// nearest to the average of what remains. `most` is the largest number of records in a shard, with
// shards * most >= n. O(shards * log(n) * log(total)).
std::vector<std::uint64_t> split_evenly(std::span<const std::uint64_t> prefix, std::uint64_t shards,
                                        std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

// The greedy scan of "Load-balancing Parallel I/O of Compressed Hierarchical Layouts", IV-C: a shard
// ends once it holds more than what remained divided by the shards that remained.
std::vector<std::uint64_t> split_by_running_average(std::span<const std::uint64_t> prefix, std::uint64_t shards);

// The fewest contiguous shards that weigh at most `cap`; a record heavier than that has a shard alone.
std::uint64_t shards_needed(std::span<const std::uint64_t> prefix, std::uint64_t cap);

// Longest first: every record, heaviest first (of equals the first), goes to the lightest shard.
// Returns the shard of each record: [n]. No shard stays empty when shards <= n. O(n log n).
std::vector<std::uint32_t> assign_longest_first(std::span<const std::uint32_t> weights, std::uint32_t shards);

// How even a split is.
struct Balance {
  std::uint64_t largest = 0, smallest = 0;
  double mean = 0;
  // Largest / mean: how much longer the slowest worker takes. 1 is perfect.
  double ratio() const { return mean == 0 ? 1 : static_cast<double>(largest) / mean; }
};
Balance balance_of(std::span<const std::uint64_t> prefix, std::span<const std::uint64_t> bounds);
Balance balance_of(std::span<const std::uint64_t> loads);

}  // namespace atp

// How often each record of each data set is trained in an epoch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/random.h"

namespace atp {

// The factor of each set: "A=2,B=0.5" by name (others: 1), "balanced" (every set the same number of graphs,
// their sum unchanged) or "temperature:T" (shares proportional to counts^(1/T)). Throws Error (exit 2).
std::vector<double> mix_weights(std::string_view mix, std::span<const std::string> names, std::span<const std::uint64_t> counts);

// The graphs of each set that an epoch trains: weights times counts, rounded; times `share` of them. The sum of
// balanced and temperature:T is that of `counts` to the graph. Numbers beyond 2^63 become 2^63. Throws Error (exit 2).
std::vector<std::uint64_t> mix_counts(std::string_view mix, std::span<const std::string> names, std::span<const std::uint64_t> counts,
                                      double share = 1);

// `count` numbers below `n` as often as evenly possible: each count / n times, and a random subset for
// (seed, epoch, set) once more. Calls take(i, times) for i = 0, 1, ... n - 1. O(n), no memory.
template <class Take>
void spread_evenly(std::uint64_t n, std::uint64_t count, std::uint64_t seed, std::uint64_t epoch, std::uint64_t set, Take take) {
  if (n == 0) return;
  Random random(seed, epoch, Purpose::mix, set);
  std::uint64_t wanted = count % n;  // selection sampling: Knuth, The Art of Computer Programming, 3.4.2, algorithm S
  for (std::uint64_t i = 0; i < n; ++i) {
    const bool chosen = wanted > 0 && random.below(n - i) < wanted;
    wanted -= chosen;
    take(i, count / n + chosen);
  }
}

}  // namespace atp

#include "core/plan/packing.h"

#include <algorithm>
#include <numeric>

#include "core/plan/random.h"

namespace atp {

Measure binding_measure(const PlanInput& input) {
  const Limits& limits = input.limits;
  const Measure atoms{input.atoms, limits.atoms}, edges{input.edges, limits.edges};
  if (input.edges.empty() || limits.edges == kNoLimit) return atoms;
  if (limits.atoms == kNoLimit) return edges;
  const Load total = total_load(input);
  const auto by_atoms = lower_bound(total, {limits.atoms, kNoLimit, kNoLimit}, 1);
  return lower_bound(total, {kNoLimit, limits.edges, kNoLimit}, 1) > by_atoms ? edges : atoms;
}

std::vector<std::uint32_t> by_descending_weight(std::span<const std::uint32_t> weights, std::vector<std::uint32_t> graphs) {
  const std::uint32_t max = weights.empty() ? 0 : *std::max_element(weights.begin(), weights.end());
  if (max > (1 << 20)) {
    std::stable_sort(graphs.begin(), graphs.end(), [&](std::uint32_t a, std::uint32_t b) { return weights[a] > weights[b]; });
    return graphs;
  }
  std::vector<std::uint32_t> starts(std::size_t{max} + 2), sorted(graphs.size());
  for (const std::uint32_t g : graphs) ++starts[max - weights[g] + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  for (const std::uint32_t g : graphs) sorted[starts[max - weights[g]]++] = g;
  return sorted;
}

std::vector<std::uint32_t> as_they_come(const PlanInput& input) {
  std::vector<std::uint32_t> graphs(input.size());
  std::iota(graphs.begin(), graphs.end(), 0);
  return graphs;
}

std::vector<std::uint32_t> shuffled_input(const PlanInput& input) {
  auto graphs = as_they_come(input);
  Random(input.seed, input.epoch, Purpose::input_order).shuffle(std::span(graphs));
  return graphs;
}

Batches Bins::batches() const {
  Batches batches;
  batches.indices = HugeBuffer<std::uint32_t>(graphs_.size());
  batches.offsets.push_back(0);
  std::vector<std::int64_t> next;
  for (const Load& load : loads_) {
    next.push_back(batches.offsets.back());
    if (load.graphs == 0) continue;
    batches.offsets.push_back(next.back() + static_cast<std::int64_t>(load.graphs));
    batches.loads.push_back(load);
  }
  for (std::size_t i = 0; i < graphs_.size(); ++i) batches.indices[static_cast<std::size_t>(next[bin_of_[i]]++)] = graphs_[i];
  return batches;
}

}  // namespace atp

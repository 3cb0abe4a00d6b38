#include "core/plan/plan.h"

#include <algorithm>
#include <numeric>

namespace atp {

Load total_load(const PlanInput& input) {
  Load total;
  total.atoms = std::accumulate(input.atoms.begin(), input.atoms.end(), std::uint64_t{0});
  total.edges = std::accumulate(input.edges.begin(), input.edges.end(), std::uint64_t{0});
  total.graphs = input.size();
  return total;
}

std::vector<Load> loads_of(const PlanInput& input, const Batches& batches) {
  std::vector<Load> loads(batches.size());
  for (std::size_t b = 0; b < loads.size(); ++b) {
    for (const std::uint32_t graph : batches.batch(b)) loads[b] = loads[b].with(input, graph);
  }
  return loads;
}

Binding binding_limit(const Load& total, const Limits& limits) {
  const auto bins = [](std::uint64_t sum, std::uint64_t limit) { return limit == 0 ? 0 : ceil_div(sum, limit); };
  const std::uint64_t atoms = bins(total.atoms, limits.atoms), edges = bins(total.edges, limits.edges), graphs = bins(total.graphs, limits.graphs);
  const bool atoms_limited = limits.atoms != kNoLimit, edges_limited = limits.edges != kNoLimit, graphs_limited = limits.graphs != kNoLimit;
  Binding binding = atoms_limited || !(edges_limited || graphs_limited) ? Binding::atoms : edges_limited ? Binding::edges : Binding::graphs;
  std::uint64_t most = binding == Binding::atoms ? atoms : binding == Binding::edges ? edges : graphs;
  if (edges_limited && edges > most) binding = Binding::edges, most = edges;
  if (graphs_limited && graphs > most) binding = Binding::graphs;
  return binding;
}

std::uint64_t lower_bound(const Load& total, const Limits& limits, std::uint32_t gpus) {
  if (total.graphs == 0) return 0;
  std::uint64_t bins = 1;
  if (limits.atoms != 0) bins = std::max(bins, ceil_div(total.atoms, limits.atoms));
  if (limits.edges != 0) bins = std::max(bins, ceil_div(total.edges, limits.edges));
  bins = std::max(bins, ceil_div(total.graphs, limits.graphs));
  return rounded_up(bins, gpus);
}

}  // namespace atp

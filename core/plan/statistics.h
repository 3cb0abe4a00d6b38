// How good a plan is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/schedule.h"

namespace atp {

struct PlanStatistics {
  std::uint64_t graphs = 0, batches = 0, steps = 0;  // graphs in batches, repeated ones counted again
  std::uint64_t atoms = 0, edges = 0;                // sums over batches
  std::uint64_t atoms_min = 0, atoms_max = 0;        // of a batch
  std::uint64_t edges_min = 0, edges_max = 0;
  std::uint64_t graphs_min = 0, graphs_max = 0;
  // Share of the room that stays empty, counted in what the binding limit is about. The room of a batch is that limit, of a
  // batch above it (an oversize graph alone) what it holds; without any limit the atoms of the largest batch.
  double padding = 0;
  Binding binding = Binding::atoms;
  // Mean over steps of (largest load of a GPU / mean load of the GPUs): how long all wait for one. 1 is perfect.
  double straggler_atoms = 1, straggler_edges = 1;
  // Mean over steps of the total-variation distance between the step's mix of data sets and that of all graphs.
  double mix = 0;
};

// `starts` [data sets + 1]: where each begins in the index space of the graphs; {0, n} for one.
PlanStatistics statistics_of(const Batches& batches, std::span<const Load> loads, const Schedule& schedule,
                             const Limits& limits, std::span<const std::uint64_t> starts);

// Share of pairs of graphs in one batch that are in one batch in `other`, too. `n`: the graphs there are.
double repeats(const Batches& batches, const Batches& other, std::size_t n);

}  // namespace atp

// Mini-batches of graphs: what is asked for, and the plan that answers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/huge_buffer.h"

namespace atp {

inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

// What no batch may go beyond.
struct Limits {
  std::uint64_t atoms = kNoLimit, edges = kNoLimit, graphs = kNoLimit;
};

// What a batch costs, in any unit: batches of one step should cost the same.
struct Cost {
  std::uint64_t per_atom = 0, per_edge = 0;  // both 0: edges where they are known, else atoms

  bool given() const { return per_atom != 0 || per_edge != 0; }
};

// All that a strategy depends on: the same input gives the same batches, on any machine.
struct PlanInput {
  std::span<const std::uint32_t> atoms;  // [n], n < 2^32; borrowed
  std::span<const std::uint32_t> edges;  // [n], or empty: not known; borrowed
  Limits limits;                         // each graph alone is within them; graphs > 0
  std::uint32_t gpus = 1;                // > 0
  std::uint64_t seed = 0, epoch = 0;
  Cost cost;

  std::size_t size() const { return atoms.size(); }
};

// What a batch holds.
struct Load {
  std::uint64_t atoms = 0, edges = 0, graphs = 0;

  bool within(const Limits& limits) const {
    return atoms <= limits.atoms && edges <= limits.edges && graphs <= limits.graphs;
  }
  Load with(const PlanInput& input, std::uint32_t graph) const {
    return {atoms + input.atoms[graph], edges + (input.edges.empty() ? 0 : input.edges[graph]), graphs + 1};
  }
};

// What a strategy makes of it: every graph in exactly one batch, no batch empty.
struct Batches {
  HugeBuffer<std::uint32_t> indices;  // [n]: graphs, batch after batch
  std::vector<std::int64_t> offsets;  // [batches + 1]
  // The order of training: steps are cut from it. Empty: as they are.
  std::vector<std::uint32_t> order;
  std::vector<Load> loads;  // [batches], or empty: loads_of() adds them up
  // The last batch is only as full as the graphs that were left (--drop-last leaves it out).
  bool last_is_rest = false;

  std::size_t size() const { return offsets.size() - 1; }
  std::span<const std::uint32_t> batch(std::size_t b) const {
    return {indices.data() + offsets[b], static_cast<std::size_t>(offsets[b + 1] - offsets[b])};
  }
};

// Sums over all graphs. O(n).
Load total_load(const PlanInput& input);

// What each batch holds. O(n).
std::vector<Load> loads_of(const PlanInput& input, const Batches& batches);

// The limit that asks for the most batches; of equals atoms, then edges. Atoms where there is no limit at all.
enum class Binding { atoms, edges, graphs };
Binding binding_limit(const Load& total, const Limits& limits);

// The fewest batches that could be enough: each limit alone, rounded up to a multiple of the GPUs. 0 for no graphs.
std::uint64_t lower_bound(const Load& total, const Limits& limits, std::uint32_t gpus);

constexpr std::uint64_t ceil_div(std::uint64_t n, std::uint64_t by) { return n / by + (n % by != 0); }
// `n` rounded up to a multiple of `m`.
constexpr std::uint64_t rounded_up(std::uint64_t n, std::uint64_t m) { return ceil_div(n, m) * m; }

}  // namespace atp

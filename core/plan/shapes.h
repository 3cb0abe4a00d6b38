// Static shapes: what batches are padded to, so that a compiled model sees few different ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/schedule.h"

namespace atp {

// As jraph.pad_with_graphs takes it: one more node and one more graph than the largest batch, for the graph that takes up
// the padding.
struct StaticShape {
  std::uint64_t n_node = 0, n_edge = 0, n_graph = 0;
  std::uint64_t steps = 0;  // that use it
};

struct StaticShapes {
  std::vector<StaticShape> shapes;    // ascending by n_node
  std::vector<std::uint32_t> of_step;  // [steps]: all GPUs of a step have the same
  double padding_nodes = 0, padding_edges = 0;  // share of the padded arrays that is padding
};

// At most `most` shapes with the least padding of nodes for steps sorted by their largest batch. O(steps * log + S^2 * most)
// over S <= 512 groups of steps.
StaticShapes choose_shapes(std::span<const Load> loads, const Schedule& schedule, std::uint64_t most);

}  // namespace atp

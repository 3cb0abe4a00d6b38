#include "core/plan/shapes.h"

#include <algorithm>
#include <numeric>

namespace atp {
namespace {

constexpr std::size_t kMostGroups = 512;

Load largest(const Load& a, const Load& b) {
  return {std::max(a.atoms, b.atoms), std::max(a.edges, b.edges), std::max(a.graphs, b.graphs)};
}

// The least padded nodes when groups [0, end) share `k` shapes, by the end of each shape.
class Division {
 public:
  Division(std::span<const std::uint64_t> nodes, std::span<const std::uint64_t> steps) : nodes_(nodes) {
    sums_.push_back(0);
    for (const std::uint64_t n : steps) sums_.push_back(sums_.back() + n);
  }

  // Ends of at most `most` runs of groups, ascending.
  std::vector<std::size_t> run(std::size_t most) {
    const std::size_t n = nodes_.size();
    std::vector<std::uint64_t> cost(n + 1, kNoLimit);
    cost[0] = 0;
    std::vector<std::vector<std::size_t>> from;
    for (std::size_t k = 0; k < std::min(most, n); ++k) from.push_back(add_shape(cost));
    std::vector<std::size_t> ends;
    for (std::size_t end = n, k = from.size(); k > 0 && end > 0;) {
      const std::size_t begin = from[--k][end];
      if (begin != end) ends.push_back(end);
      end = begin;
    }
    std::reverse(ends.begin(), ends.end());
    return ends;
  }

 private:
  // With one shape more; where the last one begins.
  std::vector<std::size_t> add_shape(std::vector<std::uint64_t>& cost) const {
    const std::size_t n = nodes_.size();
    std::vector<std::uint64_t> better = cost;
    std::vector<std::size_t> begin(n + 1);
    for (std::size_t end = 0; end <= n; ++end) {
      begin[end] = end;  // no shape more is needed
      for (std::size_t b = 0; b < end; ++b) {
        if (cost[b] == kNoLimit) continue;
        const std::uint64_t with = cost[b] + (sums_[end] - sums_[b]) * nodes_[end - 1];
        if (with < better[end]) better[end] = with, begin[end] = b;
      }
    }
    cost = std::move(better);
    return begin;
  }

  std::span<const std::uint64_t> nodes_;
  std::vector<std::uint64_t> sums_;
};

double share(std::uint64_t used, std::uint64_t room) { return room == 0 ? 0 : 1 - static_cast<double>(used) / static_cast<double>(room); }

}  // namespace

StaticShapes choose_shapes(std::span<const Load> loads, const Schedule& schedule, std::uint64_t most) {
  StaticShapes out;
  std::vector<Load> of_step(schedule.steps());
  Load total;
  for (std::size_t t = 0; t < of_step.size(); ++t) {
    for (std::size_t r = 0; r < schedule.gpus; ++r) {
      const Load& load = loads[schedule.at(t, r)];
      of_step[t] = largest(of_step[t], load);
      total.atoms += load.atoms, total.edges += load.edges;
    }
  }
  std::vector<std::uint32_t> sorted(of_step.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) { return of_step[a].atoms < of_step[b].atoms; });

  const std::size_t groups = std::min(kMostGroups, sorted.size());
  std::vector<std::uint64_t> nodes, steps;
  std::vector<std::size_t> ends;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t begin = g * sorted.size() / groups, end = (g + 1) * sorted.size() / groups;
    nodes.push_back(of_step[sorted[end - 1]].atoms + 1);
    steps.push_back(end - begin);
    ends.push_back(end);
  }
  out.of_step.resize(of_step.size());
  std::uint64_t room_nodes = 0, room_edges = 0;
  std::size_t next = 0;
  for (const std::size_t group_end : Division(nodes, steps).run(most)) {
    StaticShape shape;
    Load top;
    for (; next < ends[group_end - 1]; ++next, ++shape.steps) {
      top = largest(top, of_step[sorted[next]]);
      out.of_step[sorted[next]] = static_cast<std::uint32_t>(out.shapes.size());
    }
    shape.n_node = top.atoms + 1, shape.n_edge = top.edges, shape.n_graph = top.graphs + 1;
    room_nodes += shape.n_node * shape.steps * schedule.gpus;
    room_edges += shape.n_edge * shape.steps * schedule.gpus;
    out.shapes.push_back(shape);
  }
  out.padding_nodes = share(total.atoms, room_nodes);
  out.padding_edges = share(total.edges, room_edges);
  return out;
}

}  // namespace atp

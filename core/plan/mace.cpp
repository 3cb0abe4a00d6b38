#include "core/plan/mace.h"

#include <algorithm>
#include <queue>

#include "core/base/interrupt.h"
#include "core/plan/packing.h"

namespace atp {
namespace {

// One set of bins, filled round by round.
class Rounds {
 public:
  struct Bin {
    std::uint64_t room;
    std::uint32_t number;
  };

  Rounds(Bins& bins, const Measure& measure, std::uint64_t count) : bins_(bins), measure_(measure) {
    for (std::uint64_t b = 0; b < count; ++b) open_.push_back({measure.capacity, bins.add()});
  }

  // Packs graphs from order[next] on; returns how many are packed when no bin is open.
  std::size_t run(std::span<const std::uint32_t> order, std::size_t next) {
    while (next < order.size() && !open_.empty()) {
      throw_if_interrupted();
      std::stable_sort(open_.begin(), open_.end(), [](const Bin& a, const Bin& b) { return a.room < b.room; });
      next = walk(order, next);
      reopen();
    }
    return next;
  }

 private:
  std::size_t walk(std::span<const std::uint32_t> order, std::size_t next) {
    std::size_t kept = 0, i = 0;
    for (; i < open_.size() && next < order.size(); ++i) {
      Bin bin = open_[i];
      const std::uint32_t graph = order[next];
      if (bins_.fits(bin.number, graph)) {
        bins_.put(bin.number, graph);
        bin.room -= measure_.weights[graph];
        open_[kept++] = bin;
        ++next;
      } else {
        full_.push(bin);
      }
    }
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(kept), open_.begin() + static_cast<std::ptrdiff_t>(i));
    return next;
  }

  void reopen() {
    if (open_.empty()) return;
    const auto fullest = std::min_element(open_.begin(), open_.end(), [](const Bin& a, const Bin& b) { return a.room < b.room; });
    for (const std::uint64_t room = fullest->room; !full_.empty() && full_.top().room > room; full_.pop()) open_.push_back(full_.top());
  }

  struct LessRoom {
    bool operator()(const Bin& a, const Bin& b) const { return a.room != b.room ? a.room < b.room : a.number > b.number; }
  };

  Bins& bins_;
  const Measure& measure_;
  std::vector<Bin> open_;
  std::priority_queue<Bin, std::vector<Bin>, LessRoom> full_;  // the one with the most room on top
};

}  // namespace

Batches algorithm_one(const PlanInput& input, bool shuffle_input) {
  const Measure measure = binding_measure(input);
  const auto order = by_descending_weight(measure.weights, shuffle_input ? shuffled_input(input) : as_they_come(input));
  Bins bins(input);
  Load left = total_load(input);
  for (std::size_t next = 0; next < order.size();) {
    Rounds rounds(bins, measure, lower_bound(left, input.limits, input.gpus));
    const std::size_t packed = rounds.run(order, next);
    for (; next < packed; ++next) {
      left.atoms -= input.atoms[order[next]];
      left.edges -= input.edges.empty() ? 0 : input.edges[order[next]];
      --left.graphs;
    }
  }
  return bins.batches();
}

}  // namespace atp

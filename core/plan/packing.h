// What the classic packing strategies share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/interrupt.h"
#include "core/plan/plan.h"

namespace atp {

// The limit that asks for the most batches is the one that counts when graphs are sorted and bins compared:
// the weights it is about and the limit itself. Without limits on atoms and edges: atoms, kNoLimit.
struct Measure {
  std::span<const std::uint32_t> weights;  // [n]; borrowed from the input
  std::uint64_t capacity;
};
Measure binding_measure(const PlanInput& input);

// Graphs by descending weight; equal ones in the order of `graphs`.
std::vector<std::uint32_t> by_descending_weight(std::span<const std::uint32_t> weights, std::vector<std::uint32_t> graphs);

// 0, 1, ... n - 1, or the same shuffled for (seed, epoch).
std::vector<std::uint32_t> as_they_come(const PlanInput& input);
std::vector<std::uint32_t> shuffled_input(const PlanInput& input);

// Bins that graphs are put into, one after the other.
class Bins {
 public:
  explicit Bins(const PlanInput& input) : input_(input) { graphs_.reserve(input.size()), bin_of_.reserve(input.size()); }

  std::uint32_t add() {  // an empty bin; its number
    loads_.emplace_back();
    return static_cast<std::uint32_t>(loads_.size() - 1);
  }
  bool fits(std::uint32_t bin, std::uint32_t graph) const { return loads_[bin].with(input_, graph).within(input_.limits); }
  void put(std::uint32_t bin, std::uint32_t graph) {
    if (graphs_.size() % 65536 == 0) throw_if_interrupted();
    loads_[bin] = loads_[bin].with(input_, graph);
    graphs_.push_back(graph);
    bin_of_.push_back(bin);
  }
  std::size_t size() const { return loads_.size(); }
  const Load& load(std::uint32_t bin) const { return loads_[bin]; }

  // The bins that are not empty as batches, in the order in which they were added.
  Batches batches() const;

 private:
  const PlanInput& input_;
  std::vector<Load> loads_;
  std::vector<std::uint32_t> graphs_, bin_of_;  // in the order they were put
};

}  // namespace atp

// The graphs of each size class, side by side and in random order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/huge_buffer.h"
#include "core/plan/size_classes.h"

namespace atp {

// A graph, with what the deal levels: 8 bytes.
struct LevelledGraph {
  std::uint32_t index;
  std::uint32_t weight;
};

// Item: std::uint32_t (the index alone) or LevelledGraph.
template <class Item>
struct ClassLists {
  HugeBuffer<Item> items;             // [n], class after class
  std::vector<std::uint64_t> starts;  // [classes + 1]
  std::vector<std::uint64_t> sums;    // [classes]: of the levelled weights; 0 for indices alone
};

// Each class in an order drawn from (seed, epoch). `weights` are those the classes are of. O(n).
ClassLists<std::uint32_t> shuffled_classes(const SizeClasses& classes, std::span<const std::uint32_t> weights,
                                           std::uint64_t seed, std::uint64_t epoch);
// The same order, with `levelled` [n] beside each index.
ClassLists<LevelledGraph> shuffled_classes(const SizeClasses& classes, std::span<const std::uint32_t> weights,
                                           std::span<const std::uint32_t> levelled, std::uint64_t seed, std::uint64_t epoch);

}  // namespace atp

// Graphs into the slots of patterns: step 4 to 6 of the stratified deal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/deal_classes.h"
#include "core/plan/deal_patterns.h"
#include "core/plan/plan.h"

namespace atp {

// Batches in random order: the group of each.
std::vector<std::uint32_t> shuffled_groups(const Patterns& patterns, std::uint64_t seed, std::uint64_t epoch);

// The next graphs of each class, batch after batch.
Batches deal_in_order(const Patterns& patterns, std::span<const std::uint32_t> groups,
                      const ClassLists<std::uint32_t>& lists);

// The same patterns, with graphs of one class chosen so that the levelled weights of batches come out
// equal: within a pool of batches and class after class, of 16 slots the batch with the least so far gets the
// graph with the most. `pool` batches are levelled together.
struct Levelled {
  Batches batches;
  std::vector<std::uint64_t> weights;  // [batches]: sums of the levelled weights
};
Levelled deal_levelled(const Patterns& patterns, std::span<const std::uint32_t> groups,
                       const ClassLists<LevelledGraph>& lists, std::size_t pool);

}  // namespace atp

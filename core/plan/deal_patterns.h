// How many graphs of which size each batch gets, decided on the histogram of sizes alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/plan/random.h"
#include "core/plan/size_classes.h"

namespace atp {

struct PatternEntry {
  std::uint32_t size_class;
  std::uint32_t copies;
};

// Batches that are alike.
struct PatternGroup {
  std::uint32_t batches;
  std::uint32_t graphs;      // in each of them, > 0
  std::uint64_t load;        // sum of sizes in each of them
  std::uint32_t begin, end;  // into Patterns::entries; classes ascending (heaviest first)
};

struct Patterns {
  std::vector<PatternGroup> groups;
  std::vector<PatternEntry> entries;
  std::uint64_t batches = 0;  // that are not empty
};

// A pattern for every graph in at most `batches` batches, none above `capacity` or `most_graphs`; loads
// as equal as the sizes allow (they differ by at most 1 where sizes are varied). Nothing when no way is
// found. O(classes * groups), whatever the number of graphs.
//
// With `random` the pattern is one of many where classes are so thin that always the same graphs would meet: nothing
// else is left to chance then. It is tried first, so it costs no batches.
std::optional<Patterns> find_patterns(const SizeClasses& classes, std::uint64_t batches, std::uint64_t capacity,
                                      std::uint64_t most_graphs, const Random* random = nullptr);

// Whether patterns alone would bring the same graphs together again and again: two graphs of classes of m graphs meet
// again with a chance of 1/m^2 and more, where 1/batches is what shuffling gives.
bool are_thin(const SizeClasses& classes, std::uint64_t batches);

// The batches that best-fit decreasing needs: with so many, find_patterns() finds a way.
std::uint64_t best_fit_batches(const SizeClasses& classes, std::uint64_t capacity, std::uint64_t most_graphs);

// Patterns for the fewest multiple of `gpus` batches that is found, `batches` at least.
Patterns fewest_batches(const SizeClasses& classes, std::uint64_t batches, std::uint64_t capacity,
                        std::uint64_t most_graphs, std::uint32_t gpus, const Random* random = nullptr);

}  // namespace atp

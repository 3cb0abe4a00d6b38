// The moves that make patterns: groups of batches that are alike, split when a graph goes to some of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/plan/deal_patterns.h"

namespace atp {

// One thread, one search.
class PatternSearch {
 public:
  PatternSearch(std::span<const SizeClass> classes, std::uint64_t batches, std::uint64_t capacity, std::uint64_t most_graphs);

  // Puts the classes [0, end), heaviest first, each into the fullest batches they fit in. False: some fit nowhere.
  bool best_fit(std::size_t end);
  // Puts the classes [begin, all) one graph at a time into the emptiest batches, which may go a little above
  // the capacity. False: by too much, or no batch may have more graphs.
  bool longest_first(std::size_t begin);
  // Puts every graph of its own, by a size that is a little more or less than its true one: longest first into the batch that is
  // emptiest by these sizes, which may go above the capacity, or best fit. False: a graph fits nowhere.
  bool in_random_order(Random random, bool best_fit);
  // Swaps graphs between the heaviest and the lightest batches until they differ by `tolerance` (> 0) or no swap helps. True
  // when none is above the capacity.
  bool level(std::uint64_t tolerance);

  std::uint64_t used() const;  // batches with at least one graph
  Patterns result() const;

 private:
  struct Group {
    std::uint64_t batches;
    std::uint64_t load, graphs;
    std::uint32_t node;  // the last that was put in
  };
  // What a batch holds is a chain, which groups that were split share.
  struct Node {
    std::uint32_t before;
    std::uint32_t size_class;
    std::int64_t copies;  // negative: taken out
  };
  struct Swap {
    std::uint32_t from_heavy, from_light;  // classes; kNothing: a graph just moves
    std::uint64_t difference;              // 0: there is no swap
  };
  using Content = std::vector<std::pair<std::uint32_t, std::int64_t>>;  // class, copies
  using ByLoad = std::multimap<std::uint64_t, std::uint32_t>;

  static constexpr std::uint32_t kNothing = ~std::uint32_t{0};

  bool put_longest_first(std::span<const std::pair<std::uint64_t, std::uint32_t>> graphs);
  bool put_best_fit(std::span<const std::pair<std::uint64_t, std::uint32_t>> graphs);
  std::uint32_t split(std::uint32_t group, std::uint64_t batches);
  void put(Group& group, std::uint32_t size_class, std::int64_t copies);
  void content_of(const Group& group, Content& content) const;
  Swap best_swap(const Group& heavy, const Group& light);
  bool level_once(ByLoad& by_load);
  void exchange(ByLoad& by_load, ByLoad::iterator heavy, ByLoad::iterator light, const Swap& swap);
  std::uint64_t size_of(std::uint32_t size_class) const { return size_class == kNothing ? 0 : classes_[size_class].size; }

  std::span<const SizeClass> classes_;
  std::uint64_t capacity_, most_graphs_;
  // After in_random_order() each group is one batch, and has its content beside it instead of a chain.
  bool individual_ = false;
  std::vector<Content> contents_;  // [groups]
  std::size_t looks_ = 0, most_looks_ = 0;  // pairs of groups compared by level()
  std::vector<Group> groups_;
  std::vector<Node> nodes_;
  Content heavy_, light_;  // kept for their memory
};

}  // namespace atp

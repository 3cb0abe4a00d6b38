#include "core/plan/deal_classes.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "core/base/interrupt.h"
#include "core/plan/random.h"

namespace atp {
namespace {

// Larger classes are first dealt at random into parts of at most about kPart, which shuffle within the cache. Which graph
// goes where is in the plan: frozen.
constexpr std::uint64_t kLargestWhole = std::uint64_t{1} << 18;
constexpr std::uint64_t kPart = std::uint64_t{1} << 16;
constexpr std::uint64_t kMostParts = std::uint64_t{1} << 16;

// A class's parts: `first`, `first` + 1, ... `first` + `mask`.
struct Parts {
  std::uint32_t first;
  std::uint32_t mask;
};

class Scatter {
 public:
  Scatter(const SizeClasses& classes, std::span<const std::uint32_t> weights, std::uint64_t seed, std::uint64_t epoch)
      : classes_(classes), weights_(weights), part_of_(seed, epoch, Purpose::parts), seed_(seed), epoch_(epoch) {
    std::uint32_t parts = 0;
    std::vector<Parts> of_class;
    for (const SizeClass& c : classes.all()) {
      const std::uint64_t wanted = c.count <= kLargestWhole ? 1 : std::min(std::bit_ceil(c.count / kPart), kMostParts);
      of_class.push_back({parts, static_cast<std::uint32_t>(wanted - 1)});
      parts += static_cast<std::uint32_t>(wanted);
      some_split_ = some_split_ || wanted > 1;
    }
    for (const std::uint32_t c : classes.class_of_code()) of_code_.push_back(of_class[c]);
    ends_.assign(parts, 0);
    count_parts(of_class);
  }

  template <class Item, class Make>
  ClassLists<Item> run(Make make) {
    ClassLists<Item> lists{HugeBuffer<Item>(weights_.size()), {0}, {}};
    for (const SizeClass& c : classes_.all()) lists.starts.push_back(lists.starts.back() + c.count);
    throw_if_interrupted();
    Item* const items = lists.items.data();
    if (classes_.exact() && !some_split_) {
      fill_whole(items, make);
    } else {
      for (std::size_t i = 0; i < weights_.size(); ++i) items[ends_[part(i)]++] = make(i);
    }
    shuffle(lists);
    return lists;
  }

 private:
  std::uint32_t part(std::size_t i) const {
    const Parts p = of_code_[weight_code(weights_[i])];
    return p.first + (static_cast<std::uint32_t>(part_of_.at(i / 4) >> (i % 4 * 16)) & p.mask);  // one number for four graphs
  }

  // ends_[p]: where part p begins; fill() moves it to its end.
  void count_parts(const std::vector<Parts>& of_class) {
    if (some_split_) {
      for (std::size_t i = 0; i < weights_.size(); ++i) ++ends_[part(i)];
    } else {
      for (std::size_t c = 0; c < of_class.size(); ++c) ends_[of_class[c].first] = classes_.all()[c].count;
    }
    std::uint64_t sum = 0;
    for (std::uint64_t& end : ends_) sum += std::exchange(end, sum);
  }

  // Every class is one part, and codes are weights.
  template <class Item, class Make>
  void fill_whole(Item* items, Make make) {
    std::vector<std::uint32_t> next;
    for (const Parts& parts : of_code_) next.push_back(static_cast<std::uint32_t>(ends_[parts.first]));
    for (std::size_t i = 0; i < weights_.size(); ++i) items[next[weights_[i]]++] = make(i);
    for (std::size_t c = 0; c < ends_.size(); ++c) ends_[c] += classes_.all()[c].count;
  }

  template <class Item>
  void shuffle(ClassLists<Item>& lists) {
    lists.sums.resize(classes_.size());
    std::uint64_t begin = 0;
    for (std::size_t p = 0, c = 0; p < ends_.size(); ++p) {
      throw_if_interrupted();
      while (c + 2 < lists.starts.size() && lists.starts[c + 1] <= begin) ++c;
      const std::span<Item> items(lists.items.data() + begin, ends_[p] - begin);
      if constexpr (std::is_same_v<Item, LevelledGraph>) {
        for (const Item& item : items) lists.sums[c] += item.weight;  // and now they are in the cache
      }
      Random(seed_, epoch_, Purpose::class_order, p).shuffle(items);
      begin = ends_[p];
    }
  }

  const SizeClasses& classes_;
  std::span<const std::uint32_t> weights_;
  Random part_of_;
  std::uint64_t seed_, epoch_;
  std::vector<Parts> of_code_;
  std::vector<std::uint64_t> ends_;
  bool some_split_ = false;
};

}  // namespace

ClassLists<std::uint32_t> shuffled_classes(const SizeClasses& classes, std::span<const std::uint32_t> weights,
                                           std::uint64_t seed, std::uint64_t epoch) {
  return Scatter(classes, weights, seed, epoch).run<std::uint32_t>([](std::size_t i) { return static_cast<std::uint32_t>(i); });
}

ClassLists<LevelledGraph> shuffled_classes(const SizeClasses& classes, std::span<const std::uint32_t> weights,
                                           std::span<const std::uint32_t> levelled, std::uint64_t seed, std::uint64_t epoch) {
  return Scatter(classes, weights, seed, epoch).run<LevelledGraph>([&](std::size_t i) {
    return LevelledGraph{static_cast<std::uint32_t>(i), levelled[i]};
  });
}

}  // namespace atp

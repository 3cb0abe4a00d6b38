#include "core/plan/deal_classes.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/interrupt.h"
#include "core/plan/random.h"

namespace atp {
namespace {

// Larger classes are first dealt at random into parts of about half of this, which shuffle within the cache. Which
// graph goes where is in the plan: frozen.
constexpr std::uint64_t kLargestPart = std::uint64_t{1} << 17;

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
      const std::uint64_t wanted = c.count <= kLargestPart ? 1 : std::bit_ceil(2 * c.count / kLargestPart);
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
    ClassLists<Item> lists{HugeBuffer<Item>(weights_.size()), {0}};
    for (const SizeClass& c : classes_.all()) lists.starts.push_back(lists.starts.back() + c.count);
    if (classes_.exact() && !some_split_) {
      fill<Item>(lists.items.data(), make, [this](std::size_t i) { return of_code_[weights_[i]].first; });
    } else {
      fill<Item>(lists.items.data(), make, [this](std::size_t i) { return part(i); });
    }
    shuffle(lists.items.data());
    return lists;
  }

 private:
  std::uint32_t part(std::size_t i) const {
    const Parts p = of_code_[weight_code(weights_[i])];
    return p.mask == 0 ? p.first : p.first + (static_cast<std::uint32_t>(part_of_.at(i)) & p.mask);
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

  template <class Item, class Make, class PartOf>
  void fill(Item* items, Make make, PartOf part_of) {
    throw_if_interrupted();
    for (std::size_t i = 0; i < weights_.size(); ++i) items[ends_[part_of(i)]++] = make(i);
  }

  template <class Item>
  void shuffle(Item* items) {
    std::uint64_t begin = 0;
    for (std::size_t p = 0; p < ends_.size(); ++p) {
      Random random(seed_, epoch_, Purpose::class_order, p);
      random.shuffle(std::span<Item>(items + begin, ends_[p] - begin));
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

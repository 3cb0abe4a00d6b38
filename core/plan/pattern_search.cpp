#include "core/plan/pattern_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <tuple>

#include "core/plan/random.h"

namespace atp {
namespace {

// Overshoot is exchanged away afterwards, so it must be small against what a batch holds.
constexpr std::uint64_t kOvershootShare = 32;
// How many of the lightest groups the heaviest tries to swap with.
constexpr int kPartners = 16;
constexpr std::size_t kMostExchanges = 100'000;
// Where each group is one batch: how many others all over the range are tried, and how many in all for each.
constexpr std::uint32_t kFarPartners = 64;
constexpr std::size_t kLooksEach = 32;
// Of in_random_order(): the unit of random sizes, and how far they are from the true ones.
constexpr std::uint64_t kOne = 1 << 16;
constexpr double kSpread = 8, kMostSpread = 1.0 / 16;

}  // namespace

PatternSearch::PatternSearch(std::span<const SizeClass> classes, std::uint64_t batches, std::uint64_t capacity,
                             std::uint64_t most_graphs)
    : classes_(classes), capacity_(capacity), most_graphs_(most_graphs) {
  nodes_.push_back({0, 0, 0});  // the end of every chain
  groups_.push_back({batches, 0, 0, 0});
}

// Takes `batches` of a group out of it; all of them: the group itself.
std::uint32_t PatternSearch::split(std::uint32_t group, std::uint64_t batches) {
  if (groups_[group].batches == batches) return group;
  groups_[group].batches -= batches;
  Group part = groups_[group];
  part.batches = batches;
  groups_.push_back(part);
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

void PatternSearch::put(Group& group, std::uint32_t size_class, std::int64_t copies) {
  if (size_class == kNothing) return;
  group.graphs += static_cast<std::uint64_t>(copies);
  group.load += static_cast<std::uint64_t>(copies) * classes_[size_class].size;
  if (individual_) {
    Content& content = contents_[static_cast<std::size_t>(&group - groups_.data())];
    auto at = std::lower_bound(content.begin(), content.end(), std::pair(size_class, std::int64_t{0}), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (at == content.end() || at->first != size_class) at = content.insert(at, {size_class, 0});
    if ((at->second += copies) == 0) content.erase(at);
    return;
  }
  nodes_.push_back({group.node, size_class, copies});
  group.node = static_cast<std::uint32_t>(nodes_.size() - 1);
}

bool PatternSearch::best_fit(std::size_t end) {
  ByLoad open{{0, 0}};
  for (std::uint32_t c = 0; c < end; ++c) {
    const auto [size, count] = classes_[c];
    for (std::uint64_t left = count; left > 0;) {
      auto at = open.upper_bound(capacity_ - size);
      if (at == open.begin()) return false;
      const std::uint32_t fullest = (--at)->second;
      const Group& group = groups_[fullest];
      const std::uint64_t copies = std::min({(capacity_ - group.load) / size, most_graphs_ - group.graphs, left});
      const std::uint64_t batches = std::min(group.batches, left / copies);
      if (batches == group.batches) open.erase(at);
      const std::uint32_t filled = split(fullest, batches);
      put(groups_[filled], c, static_cast<std::int64_t>(copies));
      if (groups_[filled].graphs < most_graphs_ && groups_[filled].load < capacity_) {
        open.emplace(groups_[filled].load, filled);
      }
      left -= copies * batches;
    }
  }
  return true;
}

bool PatternSearch::longest_first(std::size_t begin) {
  // Of equally full ones the one with the fewest graphs: so graphs without weight are spread, too.
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;  // load, graphs, group
  std::priority_queue<Key, std::vector<Key>, std::greater<>> emptiest;
  const auto enqueue = [&](std::uint32_t g) { emptiest.emplace(groups_[g].load, groups_[g].graphs, g); };
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].graphs < most_graphs_) enqueue(g);
  }
  const std::uint64_t overshoot = capacity_ / kOvershootShare + 1;
  for (auto c = static_cast<std::uint32_t>(begin); c < classes_.size(); ++c) {
    const auto [size, count] = classes_[c];
    for (std::uint64_t left = count; left > 0;) {
      if (emptiest.empty()) return false;
      const std::uint32_t group = std::get<2>(emptiest.top());
      const std::uint64_t after = groups_[group].load + size;
      if (after > capacity_ && after - capacity_ > overshoot) return false;
      emptiest.pop();
      const std::uint64_t batches = std::min(groups_[group].batches, left);
      const std::uint32_t filled = split(group, batches);
      if (filled != group) enqueue(group);
      put(groups_[filled], c, 1);
      if (groups_[filled].graphs < most_graphs_) enqueue(filled);
      left -= batches;
    }
  }
  return true;
}

bool PatternSearch::in_random_order(Random random, bool best_fit) {
  std::uint64_t graphs = 0;
  for (const SizeClass& c : classes_) graphs += c.count;
  const std::uint64_t batches = groups_[0].batches;
  // So that a graph changes places with some times the root of all batches: see are_thin().
  const double spread = kSpread * std::sqrt(static_cast<double>(batches)) / static_cast<double>(std::max<std::uint64_t>(graphs, 1));
  const auto most = static_cast<std::uint64_t>(kOne * std::min(spread, kMostSpread));
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;  // size, class
  order.reserve(graphs);
  for (std::uint32_t c = 0; c < classes_.size(); ++c) {
    for (std::uint64_t k = 0; k < classes_[c].count; ++k) order.emplace_back(classes_[c].size * (kOne - most + random.below(2 * most + 1)), c);
  }
  random.shuffle(std::span(order));  // graphs without weight have no other order
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  groups_.assign(batches, {1, 0, 0, 0});
  contents_.assign(batches, {});
  individual_ = true;
  return best_fit ? put_best_fit(order) : put_longest_first(order);
}

bool PatternSearch::put_longest_first(std::span<const std::pair<std::uint64_t, std::uint32_t>> graphs) {
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;  // load by random sizes, graphs, group
  std::vector<Key> start;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) start.emplace_back(0, 0, g);
  std::priority_queue<Key, std::vector<Key>, std::greater<>> emptiest(std::greater<>(), std::move(start));
  for (const auto& [size, c] : graphs) {
    if (emptiest.empty()) return false;
    const auto [load, count, g] = emptiest.top();
    emptiest.pop();
    put(groups_[g], c, 1);
    if (count + 1 < most_graphs_) emptiest.emplace(load + size, count + 1, g);
  }
  return true;
}

bool PatternSearch::put_best_fit(std::span<const std::pair<std::uint64_t, std::uint32_t>> graphs) {
  ByLoad open;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) open.emplace(0, g);
  for (const auto& [size, c] : graphs) {
    auto at = open.upper_bound(capacity_ - classes_[c].size);
    if (at == open.begin()) return false;
    const std::uint32_t g = (--at)->second;
    open.erase(at);
    put(groups_[g], c, 1);
    if (groups_[g].graphs < most_graphs_) open.emplace(groups_[g].load, g);
  }
  return true;
}

void PatternSearch::content_of(const Group& group, Content& content) const {
  if (individual_) {
    content = contents_[static_cast<std::size_t>(&group - groups_.data())];
    return;
  }
  content.clear();
  for (std::uint32_t n = group.node; n != 0; n = nodes_[n].before) content.emplace_back(nodes_[n].size_class, nodes_[n].copies);
  std::sort(content.begin(), content.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < content.size();) {
    auto sum = content[i];
    for (++i; i < content.size() && content[i].first == sum.first; ++i) sum.second += content[i].second;
    if (sum.second != 0) content[kept++] = sum;
  }
  content.resize(kept);
}

// The pair whose difference is nearest to half the gap without going beyond it.
PatternSearch::Swap PatternSearch::best_swap(const Group& heavy, const Group& light) {
  const std::uint64_t most = (heavy.load - light.load) / 2;
  ++looks_;
  content_of(heavy, heavy_);
  content_of(light, light_);
  if (light.graphs < most_graphs_) light_.emplace_back(kNothing, 1);
  Swap best{kNothing, kNothing, 0};
  for (const auto& h : heavy_) {
    const std::uint64_t size = size_of(h.first);
    for (const auto& l : light_) {  // by descending size
      const std::uint64_t other = size_of(l.first);
      if (other >= size) continue;
      if (size - other > most) break;
      if (size - other > best.difference) best = {h.first, l.first, size - other};
    }
    if (best.difference == most) break;
  }
  return best;
}

void PatternSearch::exchange(ByLoad& by_load, ByLoad::iterator heavy, ByLoad::iterator light, const Swap& swap) {
  const std::uint32_t h = heavy->second, l = light->second;
  const std::uint64_t batches = std::min(groups_[h].batches, groups_[l].batches);
  if (groups_[h].batches == batches) by_load.erase(heavy);
  if (groups_[l].batches == batches) by_load.erase(light);
  const std::uint32_t lighter = split(h, batches), heavier = split(l, batches);
  put(groups_[lighter], swap.from_heavy, -1);
  put(groups_[lighter], swap.from_light, 1);
  put(groups_[heavier], swap.from_light, -1);
  put(groups_[heavier], swap.from_heavy, 1);
  by_load.emplace(groups_[lighter].load, lighter);
  by_load.emplace(groups_[heavier].load, heavier);
}

// False when nothing can be moved from the heaviest group.
bool PatternSearch::level_once(ByLoad& by_load) {
  const auto heavy = std::prev(by_load.end());
  auto light = by_load.begin();
  for (int tried = 0; tried < kPartners && light != heavy; ++tried, ++light) {
    if (heavy->first - light->first < 2) return false;
    const Swap swap = best_swap(groups_[heavy->second], groups_[light->second]);
    if (swap.difference == 0) continue;
    exchange(by_load, heavy, light, swap);
    return true;
  }
  // The lightest may all be alike: those all over the range are not.
  const std::uint32_t h = heavy->second;
  const auto count = static_cast<std::uint32_t>(groups_.size());
  for (std::uint32_t tried = 0; individual_ && tried < kFarPartners && looks_ < most_looks_; ++tried) {
    const auto l = static_cast<std::uint32_t>(mixed(h + tried * std::uint64_t{count}) % count);
    if (groups_[l].load + 2 > heavy->first) continue;
    const Swap swap = best_swap(groups_[h], groups_[l]);
    if (swap.difference == 0) continue;
    auto at = by_load.find(groups_[l].load);
    while (at != by_load.end() && at->first == groups_[l].load && at->second != l) ++at;
    if (at == by_load.end() || at->second != l) continue;  // it stays as it is
    exchange(by_load, heavy, at, swap);
    return true;
  }
  return false;
}

bool PatternSearch::level(std::uint64_t tolerance) {
  ByLoad by_load;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) by_load.emplace(groups_[g].load, g);
  // Every exchange narrows a gap, but how often is not known beforehand.
  looks_ = 0;
  most_looks_ = individual_ ? kLooksEach * groups_.size() + 1000 : ~std::size_t{0};
  std::size_t left = individual_ ? most_looks_ : std::min(4 * groups_.size() + 1000, kMostExchanges);
  for (; left > 0 && looks_ < most_looks_ && by_load.size() > 1; --left) {
    const std::uint64_t most = std::prev(by_load.end())->first;
    if (most <= capacity_ && most - by_load.begin()->first <= tolerance) break;
    if (level_once(by_load)) continue;
    if (std::prev(by_load.end())->first > capacity_) return false;
    by_load.erase(std::prev(by_load.end()));  // stays as it is
  }
  return by_load.empty() || std::prev(by_load.end())->first <= capacity_;
}

std::uint64_t PatternSearch::used() const {
  std::uint64_t batches = 0;
  for (const Group& group : groups_) batches += group.graphs > 0 ? group.batches : 0;
  return batches;
}

Patterns PatternSearch::result() const {
  Patterns patterns;
  patterns.batches = used();
  Content content;
  for (const Group& group : groups_) {
    if (group.graphs == 0) continue;
    content_of(group, content);
    const auto begin = static_cast<std::uint32_t>(patterns.entries.size());
    for (const auto& [size_class, copies] : content) patterns.entries.push_back({size_class, static_cast<std::uint32_t>(copies)});
    patterns.groups.push_back({static_cast<std::uint32_t>(group.batches), static_cast<std::uint32_t>(group.graphs), group.load,
                               begin, static_cast<std::uint32_t>(patterns.entries.size())});
  }
  return patterns;
}

}  // namespace atp

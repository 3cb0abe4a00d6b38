#include "core/plan/deal_slots.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/base/interrupt.h"
#include "core/plan/random.h"
#include "core/plan/window_sort.h"

namespace atp {
namespace {

std::vector<std::int64_t> offsets_of(const Patterns& patterns, std::span<const std::uint32_t> groups) {
  std::vector<std::int64_t> offsets(groups.size() + 1);
  for (std::size_t b = 0; b < groups.size(); ++b) offsets[b + 1] = offsets[b] + patterns.groups[groups[b]].graphs;
  return offsets;
}

// Keys have 28 bits beside the 4 of a slot's number within its window.
constexpr std::int64_t kMiddle = 1 << 27;
constexpr std::uint32_t kLargestKey = (std::uint32_t{1} << 28) - 1;

// A batch's second graph of a class is dealt after the first of all others, so that it evens out the first; from
// this one on they come together.
constexpr std::uint32_t kRounds = 8;

// How far ahead lists are fetched into the cache.
constexpr std::ptrdiff_t kAhead = 24;

// Levels the batches of one pool after the other.
class Leveller {
 public:
  Leveller(const Patterns& patterns, std::span<const std::uint32_t> groups, const ClassLists<LevelledGraph>& lists,
           std::span<const std::int64_t> offsets, Levelled& out);

  // Deals into the batches [begin, end).
  void pool(std::size_t begin, std::size_t end);

 private:
  void set_means();
  void collect_slots(std::size_t begin, std::size_t end);
  void deal_round(std::uint32_t size_class, std::uint32_t begin, std::uint32_t end);  // of slots_
  void deal_block(const std::uint32_t* slots, const LevelledGraph* graphs, std::size_t count, std::int64_t mean);

  const Patterns& patterns_;
  std::span<const std::uint32_t> groups_;
  const ClassLists<LevelledGraph>& lists_;
  std::span<const std::int64_t> offsets_;
  Levelled& out_;
  std::vector<std::int64_t> means_;        // [classes]: of the weights, rounded down
  std::vector<std::int64_t> group_means_;  // [groups]: sum over what a batch of it holds
  std::int64_t expected_ = 0;              // mean of group_means_ over the batches
  unsigned shift_ = 0;                     // sums are compared without so many low bits
  std::vector<std::uint64_t> next_;        // [classes]: the first graph not dealt yet

  // Of the pool
  std::vector<std::uint32_t> slot_ends_;  // [classes, kRounds]
  std::vector<std::uint32_t> slots_;      // batches within the pool, class after class, round after round
  std::vector<std::int64_t> estimates_;   // [batches]: what it will weigh if the graphs to come are average
  std::vector<std::int64_t> write_;       // [batches]: where its next graph goes
};

Leveller::Leveller(const Patterns& patterns, std::span<const std::uint32_t> groups,
                   const ClassLists<LevelledGraph>& lists, std::span<const std::int64_t> offsets, Levelled& out)
    : patterns_(patterns), groups_(groups), lists_(lists), offsets_(offsets), out_(out) {
  next_.assign(lists.starts.begin(), lists.starts.end() - 1);
  slot_ends_.resize(next_.size() * kRounds);
  set_means();
}

void Leveller::set_means() {
  for (std::size_t c = 0; c < next_.size(); ++c) {
    means_.push_back(static_cast<std::int64_t>(lists_.sums[c] / (lists_.starts[c + 1] - lists_.starts[c])));
  }
  std::int64_t total = 0, most = 0;
  for (const PatternGroup& group : patterns_.groups) {
    std::int64_t sum = 0;
    for (std::uint32_t e = group.begin; e < group.end; ++e) {
      sum += patterns_.entries[e].copies * means_[patterns_.entries[e].size_class];
    }
    group_means_.push_back(sum);
    total += sum * group.batches;
    most = std::max(most, sum);
  }
  if (patterns_.batches > 0) expected_ = total / static_cast<std::int64_t>(patterns_.batches);
  // So that several times the largest expected sum still has a key of its own.
  shift_ = static_cast<unsigned>(std::clamp(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most))) - 24, 0, 31));
}

void Leveller::collect_slots(std::size_t begin, std::size_t end) {
  std::fill(slot_ends_.begin(), slot_ends_.end(), 0);
  const auto for_each_slot = [&](auto&& fn) {
    for (std::size_t b = begin; b < end; ++b) {
      const PatternGroup& group = patterns_.groups[groups_[b]];
      for (std::uint32_t e = group.begin; e < group.end; ++e) {
        const auto [c, copies] = patterns_.entries[e];
        for (std::uint32_t k = 0; k < copies; ++k) fn(static_cast<std::uint32_t>(b - begin), c * kRounds + std::min(k, kRounds - 1));
      }
    }
  };
  for_each_slot([&](std::uint32_t, std::uint32_t round) { ++slot_ends_[round]; });
  std::uint32_t total = 0;
  for (std::uint32_t& slot_end : slot_ends_) total += std::exchange(slot_end, total);
  slots_.resize(total);
  for_each_slot([&](std::uint32_t batch, std::uint32_t round) { slots_[slot_ends_[round]++] = batch; });
}

void Leveller::pool(std::size_t begin, std::size_t end) {
  collect_slots(begin, end);
  estimates_.resize(end - begin);
  for (std::size_t b = begin; b < end; ++b) estimates_[b - begin] = group_means_[groups_[b]];
  write_.assign(offsets_.begin() + static_cast<std::ptrdiff_t>(begin), offsets_.begin() + static_cast<std::ptrdiff_t>(end));
  std::uint32_t at = 0;
  for (std::uint32_t c = 0; c < next_.size(); ++c) {
    for (std::uint32_t k = 0; k < kRounds; ++k) deal_round(c, std::exchange(at, slot_ends_[c * kRounds + k]), slot_ends_[c * kRounds + k]);
  }
  // Nothing is left to come: the estimates are the sums.
  for (std::size_t b = begin; b < end; ++b) out_.weights[b] = static_cast<std::uint64_t>(estimates_[b - begin]);
}

void Leveller::deal_round(std::uint32_t size_class, std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t at = begin; at < end; at += kBlockSlots) {
    const std::size_t count = std::min<std::size_t>(kBlockSlots, end - at);
    deal_block(&slots_[at], lists_.items.data() + next_[size_class], count, means_[size_class]);
    next_[size_class] += count;
  }
}

void Leveller::deal_block(const std::uint32_t* slots, const LevelledGraph* graphs, std::size_t count, std::int64_t mean) {
  WindowKeys by_estimate, by_weight;
  if (count % (4 * kWindow) != 0) {  // places without a slot come last
    for (auto& row : by_estimate) row.fill(~std::uint32_t{0});
    for (auto& row : by_weight) row.fill(~std::uint32_t{0});
  }
  const std::int64_t middle = (kMiddle << shift_) - expected_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t window = i / kWindow, place = i % kWindow;
    const std::int64_t estimate = std::clamp((estimates_[slots[i]] + middle) >> shift_, std::int64_t{0}, 2 * kMiddle - 2);
    const std::uint32_t weight = std::min(graphs[i].weight >> shift_, kLargestKey - 1);
    by_estimate[place][window] = static_cast<std::uint32_t>(estimate) << 4 | static_cast<std::uint32_t>(place);
    by_weight[place][window] = (kLargestKey - 1 - weight) << 4 | static_cast<std::uint32_t>(place);  // heaviest first
  }
  const std::size_t windows = (count + kWindow - 1) / kWindow;
  sort_windows(by_estimate, windows);
  sort_windows(by_weight, windows);
  std::uint32_t* const indices = out_.batches.indices.data();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t window = i / kWindow, rank = i % kWindow;
    const std::uint32_t batch = slots[window * kWindow + by_estimate[rank][window] % kWindow];
    const LevelledGraph graph = graphs[window * kWindow + by_weight[rank][window] % kWindow];
    indices[write_[batch]++] = graph.index;
    estimates_[batch] += graph.weight - mean;
  }
}

}  // namespace

std::vector<std::uint32_t> shuffled_groups(const Patterns& patterns, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::uint32_t> groups;
  groups.reserve(patterns.batches);
  for (std::uint32_t g = 0; g < patterns.groups.size(); ++g) groups.insert(groups.end(), patterns.groups[g].batches, g);
  Random(seed, epoch, Purpose::batch_order).shuffle(std::span(groups));
  return groups;
}

Batches deal_in_order(const Patterns& patterns, std::span<const std::uint32_t> groups,
                      const ClassLists<std::uint32_t>& lists) {
  Batches batches;
  batches.offsets = offsets_of(patterns, groups);
  batches.indices = HugeBuffer<std::uint32_t>(lists.items.size());
  std::vector<const std::uint32_t*> next;
  for (std::size_t c = 0; c + 1 < lists.starts.size(); ++c) next.push_back(lists.items.data() + lists.starts[c]);
  std::uint32_t* to = batches.indices.data();
  for (const std::uint32_t g : groups) {
    const PatternGroup& group = patterns.groups[g];
    for (std::uint32_t e = group.begin; e < group.end; ++e) {
      const auto [c, copies] = patterns.entries[e];
      const std::uint32_t*& from = next[c];
      __builtin_prefetch(from + kAhead);  // of so many lists the processor does not guess what comes next
      for (std::uint32_t k = 0; k < copies; ++k) *to++ = *from++;
    }
  }
  return batches;
}

Levelled deal_levelled(const Patterns& patterns, std::span<const std::uint32_t> groups,
                       const ClassLists<LevelledGraph>& lists, std::size_t pool) {
  Levelled out;
  out.batches.offsets = offsets_of(patterns, groups);
  out.batches.indices = HugeBuffer<std::uint32_t>(lists.items.size());
  out.weights.resize(groups.size());
  Leveller leveller(patterns, groups, lists, out.batches.offsets, out);
  for (std::size_t begin = 0; begin < groups.size(); begin += pool) {
    throw_if_interrupted();
    leveller.pool(begin, std::min(begin + pool, groups.size()));
  }
  return out;
}

}  // namespace atp

#include "core/plan/deal_repair.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace atp {
namespace {

// How many of the lightest batches of a pool a heavy one tries to swap with, and how often.
constexpr int kPartners = 64;
constexpr int kSwaps = 64;

class PoolRepair {
 public:
  PoolRepair(const Patterns& patterns, std::span<const std::uint32_t> groups, std::span<const std::uint32_t> weights,
             std::uint64_t limit, Levelled& dealt)
      : patterns_(patterns), groups_(groups), weights_(weights), limit_(limit), dealt_(dealt) {}

  bool run(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> heavy;
    for (std::size_t b = begin; b < end; ++b) {
      if (dealt_.weights[b] > limit_) heavy.push_back(b);
    }
    if (heavy.empty()) return true;
    by_weight_.clear();
    for (std::size_t b = begin; b < end; ++b) by_weight_.emplace(dealt_.weights[b], b);
    return std::all_of(heavy.begin(), heavy.end(), [&](std::size_t b) { return relieve(b); });
  }

 private:
  struct Swap {
    std::size_t mine = 0, theirs = 0;  // places in indices
    std::uint64_t relief = 0;
  };

  bool relieve(std::size_t batch) {
    for (int swaps = 0; dealt_.weights[batch] > limit_; ++swaps) {
      if (swaps == kSwaps || !swap_once(batch)) return false;
    }
    return true;
  }

  bool swap_once(std::size_t batch) {
    int tried = 0;
    for (auto at = by_weight_.begin(); at != by_weight_.end() && tried < kPartners; ++at, ++tried) {
      const std::size_t partner = at->second;
      if (at->first >= limit_ || partner == batch) return false;
      const Swap swap = best_swap(batch, partner);
      if (swap.relief == 0) continue;
      std::swap(dealt_.batches.indices[swap.mine], dealt_.batches.indices[swap.theirs]);
      by_weight_.erase(at);
      dealt_.weights[batch] -= swap.relief;
      dealt_.weights[partner] += swap.relief;
      by_weight_.emplace(dealt_.weights[partner], partner);
      return true;
    }
    return false;
  }

  // The swap that relieves most, but no more than is needed where several do, and never more than the partner bears.
  Swap best_swap(std::size_t batch, std::size_t partner) const {
    const std::uint64_t need = dealt_.weights[batch] - limit_, most = limit_ - dealt_.weights[partner];
    const PatternGroup &a = patterns_.groups[groups_[batch]], &b = patterns_.groups[groups_[partner]];
    auto mine = static_cast<std::size_t>(dealt_.batches.offsets[batch]);
    auto theirs = static_cast<std::size_t>(dealt_.batches.offsets[partner]);
    Swap best;
    for (std::uint32_t i = a.begin, k = b.begin; i < a.end && k < b.end;) {
      const PatternEntry x = patterns_.entries[i], y = patterns_.entries[k];
      if (x.size_class == y.size_class) {
        for (std::size_t m = mine; m < mine + x.copies; ++m) {
          for (std::size_t t = theirs; t < theirs + y.copies; ++t) consider(m, t, need, most, best);
        }
      }
      if (x.size_class <= y.size_class) mine += x.copies, ++i;
      if (y.size_class <= x.size_class) theirs += y.copies, ++k;
    }
    return best;
  }

  void consider(std::size_t mine, std::size_t theirs, std::uint64_t need, std::uint64_t most, Swap& best) const {
    const std::uint32_t w = weights_[dealt_.batches.indices[mine]], v = weights_[dealt_.batches.indices[theirs]];
    if (w <= v || w - v > most) return;
    const std::uint64_t relief = w - v;
    const bool better = best.relief < need ? relief > best.relief : relief >= need && relief < best.relief;
    if (better) best = {mine, theirs, relief};
  }

  const Patterns& patterns_;
  std::span<const std::uint32_t> groups_;
  std::span<const std::uint32_t> weights_;
  std::uint64_t limit_;
  Levelled& dealt_;
  std::multimap<std::uint64_t, std::size_t> by_weight_;  // batches of the pool
};

}  // namespace

bool repair(const Patterns& patterns, std::span<const std::uint32_t> groups, std::span<const std::uint32_t> weights,
            std::uint64_t limit, std::size_t pool, Levelled& dealt) {
  PoolRepair repair_pool(patterns, groups, weights, limit, dealt);
  for (std::size_t begin = 0; begin < groups.size(); begin += pool) {
    if (!repair_pool.run(begin, std::min(begin + pool, groups.size()))) return false;
  }
  return true;
}

}  // namespace atp

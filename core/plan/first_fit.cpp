#include "core/plan/first_fit.h"

#include <algorithm>
#include <bit>

#include "core/plan/packing.h"

namespace atp {
namespace {

constexpr int kMostRefusals = 256;
// A bin that another limit has refused so often is most likely full: it is put away.
constexpr std::uint8_t kFullAfter = 8;

// The most room in any bin of each range: the first bin with enough is found from the root down.
class RoomTree {
 public:
  explicit RoomTree(std::size_t bins) : leaves_(std::bit_ceil(std::max<std::size_t>(bins, 1))), most_(2 * leaves_, kNone) {}

  // Room + 1; 0: there is no such bin.
  void set(std::size_t bin, std::uint64_t room) { set_leaf(bin, room + 1); }
  void close(std::size_t bin) { set_leaf(bin, kNone); }

  // The first bin from `bin` on with so much room; leaves() when there is none.
  std::size_t first_from(std::size_t bin, std::uint64_t room) const {
    if (bin >= leaves_) return leaves_;
    std::size_t at = leaves_ + bin;
    while (most_[at] < room + 1) {  // up to the next range on the right
      while (at & 1) {
        at /= 2;
        if (at <= 1) return leaves_;
      }
      ++at;
    }
    while (at < leaves_) at = 2 * at + (most_[2 * at] < room + 1);
    return at - leaves_;
  }
  std::size_t leaves() const { return leaves_; }

 private:
  static constexpr std::uint64_t kNone = 0;

  void set_leaf(std::size_t bin, std::uint64_t value) {
    std::size_t at = leaves_ + bin;
    most_[at] = value;
    while (at > 1) {
      at /= 2;
      most_[at] = std::max(most_[2 * at], most_[2 * at + 1]);
    }
  }

  std::size_t leaves_;
  std::vector<std::uint64_t> most_;
};

}  // namespace

Batches first_fit_decreasing(const PlanInput& input) {
  const Measure measure = binding_measure(input);
  const std::uint64_t capacity = std::min(measure.capacity, kNoLimit - 1);
  const auto order = by_descending_weight(measure.weights, as_they_come(input));
  Bins bins(input);
  RoomTree rooms(input.size());
  std::vector<std::uint64_t> used(input.size());
  std::vector<std::uint8_t> refusals(input.size());
  for (const std::uint32_t graph : order) {
    const std::uint64_t weight = measure.weights[graph];
    std::size_t bin = rooms.first_from(0, weight);
    for (int refused = 0; bin < bins.size() && !bins.fits(static_cast<std::uint32_t>(bin), graph); ++refused) {
      if (++refusals[bin] == kFullAfter) rooms.close(bin);
      bin = refused == kMostRefusals ? rooms.leaves() : rooms.first_from(bin + 1, weight);
    }
    if (bin >= bins.size()) bin = bins.add();
    bins.put(static_cast<std::uint32_t>(bin), graph);
    used[bin] += weight;
    rooms.set(bin, capacity - used[bin]);
  }
  return bins.batches();
}

}  // namespace atp

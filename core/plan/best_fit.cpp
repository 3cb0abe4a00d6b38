#include "core/plan/best_fit.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "core/plan/packing.h"

namespace atp {
namespace {

constexpr int kMostRefusals = 64;
// A bin that another limit has refused so often is most likely full: it is put away.
constexpr std::uint8_t kFullAfter = 8;

// Open bins by the room they have.
class OpenBins {
 public:
  void add(std::uint32_t bin, std::uint64_t room) { by_room_[room].push_back(bin); }

  // Takes out the fullest bin with so much room that `accepts` it.
  template <class Accepts>
  std::optional<std::uint32_t> take(std::uint64_t room, Accepts accepts) {
    int refused = 0;
    for (auto at = by_room_.lower_bound(room); at != by_room_.end();) {
      auto& bins = at->second;
      for (std::size_t i = bins.size(); i-- > 0;) {
        const std::uint32_t bin = bins[i];
        const bool accepted = accepts(bin);
        if (bin >= refusals_.size()) refusals_.resize(2 * bin + 64);
        if (accepted || ++refusals_[bin] == kFullAfter) bins.erase(bins.begin() + static_cast<std::ptrdiff_t>(i));
        if (accepted) {
          if (bins.empty()) by_room_.erase(at);
          return bin;
        }
        if (++refused == kMostRefusals) return std::nullopt;
      }
      at = bins.empty() ? by_room_.erase(at) : std::next(at);
    }
    return std::nullopt;
  }

 private:
  std::map<std::uint64_t, std::vector<std::uint32_t>> by_room_;
  std::vector<std::uint8_t> refusals_;  // [bins]
};

}  // namespace

Batches best_fit_decreasing(const PlanInput& input) {
  const Measure measure = binding_measure(input);
  const auto order = by_descending_weight(measure.weights, as_they_come(input));
  Bins bins(input);
  OpenBins open;
  std::vector<std::uint64_t> used;
  for (const std::uint32_t graph : order) {
    const std::uint64_t weight = measure.weights[graph];
    auto bin = open.take(weight, [&](std::uint32_t b) { return bins.fits(b, graph); });
    if (!bin) {
      bin = bins.add();
      used.push_back(0);
    }
    bins.put(*bin, graph);
    used[*bin] += weight;
    open.add(*bin, measure.capacity - used[*bin]);
  }
  return bins.batches();
}

}  // namespace atp

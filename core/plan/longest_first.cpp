#include "core/plan/longest_first.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>

#include "core/base/interrupt.h"
#include "core/plan/packing.h"

namespace atp {
namespace {

std::optional<Bins> pack_into(const PlanInput& input, const Measure& measure, std::span<const std::uint32_t> order, std::uint64_t count) {
  throw_if_interrupted();
  using Key = std::pair<std::uint64_t, std::uint32_t>;  // weight so far, bin
  std::vector<Key> keys;
  Bins bins(input);
  for (std::uint64_t b = 0; b < count; ++b) keys.emplace_back(0, bins.add());
  std::priority_queue emptiest(std::greater<Key>(), std::move(keys));
  for (const std::uint32_t graph : order) {
    // A bin that has reached another limit than the binding one is put away: it takes no further graph.
    while (!emptiest.empty() && !bins.fits(emptiest.top().second, graph)) {
      if (emptiest.top().first + measure.weights[graph] > measure.capacity) return std::nullopt;
      emptiest.pop();
    }
    if (emptiest.empty()) return std::nullopt;
    const auto [weight, bin] = emptiest.top();
    emptiest.pop();
    bins.put(bin, graph);
    emptiest.emplace(weight + measure.weights[graph], bin);
  }
  return bins;
}

}  // namespace

Batches longest_first(const PlanInput& input) {
  if (input.size() == 0) return {{}, {0}, {}, {}, false};
  const Measure measure = binding_measure(input);
  const auto order = by_descending_weight(measure.weights, as_they_come(input));
  const std::uint64_t g = input.gpus, most = rounded_up(input.size(), g);  // each graph alone fits
  std::uint64_t low = 0, count = lower_bound(total_load(input), input.limits, input.gpus);
  auto found = pack_into(input, measure, order, count);
  for (std::uint64_t more = g; !found; more *= 2) {
    low = count;
    count = std::min(count + more, most);
    if (auto packed = pack_into(input, measure, order, count)) found.emplace(std::move(*packed));
  }
  while (low != 0 && count - low > g) {
    const std::uint64_t middle = low + (count - low) / g / 2 * g;
    if (auto better = pack_into(input, measure, order, middle)) {
      found.emplace(std::move(*better));
      count = middle;
    } else {
      low = middle;
    }
  }
  return found->batches();
}

}  // namespace atp

#include "core/plan/deal_order.h"

#include <algorithm>
#include <numeric>

#include "core/plan/random.h"

namespace atp {
namespace {

// Ascending by cost, equal ones as they are: by counting where costs are near each other.
void sort_pool(std::span<const std::uint64_t> costs, std::uint32_t first, std::vector<std::uint32_t>& order) {
  const auto [low, high] = std::minmax_element(costs.begin(), costs.end());
  const std::uint64_t least = *low, range = *high - *low;
  const std::size_t at = order.size();
  order.resize(at + costs.size());
  const auto out = order.begin() + static_cast<std::ptrdiff_t>(at);
  if (range > 4 * costs.size() + 1024) {
    std::iota(out, order.end(), first);
    std::stable_sort(out, order.end(), [&](std::uint32_t a, std::uint32_t b) { return costs[a - first] < costs[b - first]; });
    return;
  }
  std::vector<std::uint32_t> starts(range + 2);
  for (const std::uint64_t cost : costs) ++starts[cost - least + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  for (std::size_t i = 0; i < costs.size(); ++i) out[starts[costs[i] - least]++] = first + static_cast<std::uint32_t>(i);
}

}  // namespace

std::vector<std::uint32_t> order_by_cost(std::span<const std::uint64_t> costs, std::uint32_t gpus, std::size_t pool,
                                         std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::uint32_t> sorted;
  sorted.reserve(costs.size());
  for (std::size_t begin = 0; begin < costs.size(); begin += pool) {
    const std::size_t count = std::min(pool, costs.size() - begin);
    sort_pool(costs.subspan(begin, count), static_cast<std::uint32_t>(begin), sorted);
  }
  const std::size_t steps = sorted.size() / gpus;
  std::vector<std::uint32_t> of_step(steps);
  std::iota(of_step.begin(), of_step.end(), 0);
  Random(seed, epoch, Purpose::step_order).shuffle(std::span(of_step));
  Random random(seed, epoch, Purpose::rank_order);
  std::vector<std::uint32_t> order;
  order.reserve(sorted.size());
  for (const std::uint32_t step : of_step) {
    const auto from = sorted.begin() + static_cast<std::ptrdiff_t>(std::size_t{step} * gpus);
    order.insert(order.end(), from, from + gpus);
    random.shuffle(std::span(order).last(gpus));
  }
  order.insert(order.end(), sorted.begin() + static_cast<std::ptrdiff_t>(steps * gpus), sorted.end());
  random.shuffle(std::span(order).subspan(steps * gpus));
  return order;
}

}  // namespace atp

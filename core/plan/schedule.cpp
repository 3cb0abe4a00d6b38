#include "core/plan/schedule.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace atp {
namespace {

std::vector<std::uint32_t> take_order(Batches& batches) {
  auto order = std::exchange(batches.order, {});
  if (order.empty()) {
    order.resize(batches.size());
    std::iota(order.begin(), order.end(), 0);
  }
  return order;
}

// Removes batches and closes the gaps; `order` names those that stay.
void keep_only(Batches& batches, std::vector<Load>& loads, std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> number(batches.size(), 0);
  for (const std::uint32_t b : order) number[b] = 1;
  std::uint32_t kept = 0;
  std::int64_t end = 0;
  for (std::size_t b = 0; b < number.size(); ++b) {
    if (number[b] == 0) continue;
    const auto graphs = batches.batch(b);
    std::copy(graphs.begin(), graphs.end(), batches.indices.begin() + end);  // never to the right
    end += static_cast<std::int64_t>(graphs.size());
    loads[kept] = loads[b];
    number[b] = kept++;
    batches.offsets[kept] = end;
  }
  batches.offsets.resize(kept + std::size_t{1});
  loads.resize(kept);
  for (std::uint32_t& b : order) b = number[b];
}

}  // namespace

void drop_rest(Batches& batches, std::vector<Load>& loads) {
  if (!batches.last_is_rest || batches.size() == 0) return;
  batches.offsets.pop_back();
  loads.pop_back();
  batches.last_is_rest = false;
}

void cut_steps(Batches& batches, std::vector<Load>& loads, Schedule& schedule, std::size_t first, std::size_t count) {
  auto& all = schedule.batches;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first * schedule.gpus));
  all.resize(count * schedule.gpus);
  keep_only(batches, loads, all);
}

Schedule make_schedule(Batches& batches, std::vector<Load>& loads, std::uint32_t gpus, Tail tail) {
  auto order = take_order(batches);
  const std::size_t rest = order.size() % gpus;
  if (rest != 0 && tail == Tail::drop) {
    order.resize(order.size() - rest);
    keep_only(batches, loads, order);
  } else if (rest != 0) {
    const std::size_t trained = order.size();
    for (std::size_t i = 0; i < gpus - rest; ++i) {
      if (tail == Tail::repeat) {
        order.push_back(order[i % trained]);
      } else {
        order.push_back(static_cast<std::uint32_t>(batches.size()));
        batches.offsets.push_back(batches.offsets.back());
        loads.emplace_back();
      }
    }
  }
  return {gpus, std::move(order)};
}

}  // namespace atp

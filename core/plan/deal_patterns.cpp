#include "core/plan/deal_patterns.h"

#include <algorithm>

#include "core/plan/pattern_search.h"
#include "core/plan/plan.h"

namespace atp {
namespace {

// Sizes from C / by on are placed by best fit, smaller ones longest first. Pure longest-first levels best and is
// tried first; where it needs more batches, the large graphs must be packed more tightly.
struct Threshold {
  std::uint64_t times, by;  // of the capacity
};
constexpr Threshold kThresholds[] = {{2, 1},  {1, 2},  {2, 5},  {1, 3},  {1, 4},  {1, 5},  {3, 20},
                                     {1, 10}, {7, 100}, {1, 20}, {3, 100}, {1, 50}, {3, 200}};

// As many repeats as the goal of the deal allows are not worth another way.
constexpr double kFewRepeats = 2.5e-5;

// Rounded sizes are not worth levelling to the last atom.
std::uint64_t tolerance_of(const SizeClasses& classes, std::uint64_t capacity) {
  return classes.exact() ? 1 : std::max<std::uint64_t>(1, capacity / 4096);
}

std::optional<Patterns> try_best_fit_until(const SizeClasses& classes, std::size_t end, std::uint64_t batches,
                                           std::uint64_t capacity, std::uint64_t most_graphs) {
  PatternSearch search(classes.all(), batches, capacity, most_graphs);
  if (!search.best_fit(end) || !search.longest_first(end) || !search.level(tolerance_of(classes, capacity))) return std::nullopt;
  return search.result();
}

std::size_t classes_from(const SizeClasses& classes, std::uint64_t size) {
  const auto all = classes.all();
  return static_cast<std::size_t>(
      std::partition_point(all.begin(), all.end(), [&](const SizeClass& c) { return c.size >= size; }) - all.begin());
}

}  // namespace

bool are_thin(const SizeClasses& classes, std::uint64_t batches) {
  const double share = static_cast<double>(classes.size()) / static_cast<double>(std::max<std::uint64_t>(classes.graphs(), 1));
  return share * share > std::max(kFewRepeats, 1 / static_cast<double>(std::max<std::uint64_t>(batches, 1)));
}

std::optional<Patterns> find_patterns(const SizeClasses& classes, std::uint64_t batches, std::uint64_t capacity,
                                      std::uint64_t most_graphs, const Random* random) {
  if (random != nullptr && are_thin(classes, batches)) {
    for (const bool best_fit : {false, true}) {
      if (best_fit && capacity == kNoLimit) break;
      PatternSearch search(classes.all(), batches, capacity, most_graphs);
      if (search.in_random_order(*random, best_fit) && search.level(tolerance_of(classes, capacity))) return search.result();
    }
  }
  std::size_t last = ~std::size_t{0};
  const auto attempt = [&](std::size_t end) -> std::optional<Patterns> {
    if (end == last) return std::nullopt;  // the same as before
    last = end;
    return try_best_fit_until(classes, end, batches, capacity, most_graphs);
  };
  if (capacity == kNoLimit) return attempt(0);
  for (const auto [times, by] : kThresholds) {
    const std::uint64_t size = std::max<std::uint64_t>(1, capacity / by * times + capacity % by * times / by);
    if (auto found = attempt(classes_from(classes, size))) return found;
  }
  return attempt(classes_from(classes, 1));
}

std::uint64_t best_fit_batches(const SizeClasses& classes, std::uint64_t capacity, std::uint64_t most_graphs) {
  PatternSearch search(classes.all(), classes.graphs(), capacity, most_graphs);
  if (capacity != kNoLimit) search.best_fit(classes_from(classes, 1));
  return std::max({search.used(), ceil_div(classes.graphs(), most_graphs), std::uint64_t{1}});
}

Patterns fewest_batches(const SizeClasses& classes, std::uint64_t batches, std::uint64_t capacity,
                        std::uint64_t most_graphs, std::uint32_t gpus, const Random* random) {
  if (classes.graphs() == 0) return {};
  std::uint64_t low = rounded_up(std::max<std::uint64_t>(batches, 1), gpus);
  if (auto found = find_patterns(classes, low, capacity, most_graphs, random)) return std::move(*found);
  // Bisect between a number that is too small and one that best fit shows to be enough.
  std::uint64_t high = std::max(low + gpus, rounded_up(best_fit_batches(classes, capacity, most_graphs), gpus));
  std::optional<Patterns> best = find_patterns(classes, high, capacity, most_graphs, random);
  while (best && high - low > gpus) {
    const std::uint64_t middle = low + (high - low) / gpus / 2 * gpus;
    if (auto found = find_patterns(classes, middle, capacity, most_graphs, random)) {
      best = std::move(found);
      high = middle;
    } else {
      low = middle;
    }
  }
  return best ? std::move(*best) : Patterns{};
}

}  // namespace atp

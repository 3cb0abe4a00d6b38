#include "core/plan/deal.h"

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/plan/best_fit.h"
#include "core/plan/deal_classes.h"
#include "core/plan/deal_order.h"
#include "core/plan/deal_patterns.h"
#include "core/plan/deal_repair.h"
#include "core/plan/deal_slots.h"
#include "core/plan/mace.h"
#include "core/plan/random.h"

namespace atp {
namespace {

// Batches that are levelled and sorted together: many enough to level well, few enough for the cache.
constexpr std::size_t kPool = 8192;
// Costs are compared in this part of their mean.
constexpr std::uint64_t kCostGrains = 1024;
// Among equal costs batches are sorted by atoms, where these differ by less.
constexpr std::uint64_t kFewAtoms = 8;
// How often more batches are tried when the second limit does not hold.
constexpr int kMostTrials = 10;

// Which weights are packed exactly, and which are levelled.
struct Roles {
  std::span<const std::uint32_t> packed, levelled;
  std::uint64_t packed_limit, levelled_limit;
  bool packs_atoms;
};

Roles choose_roles(const PlanInput& input, const Load& total) {
  const Limits& limits = input.limits;
  const Roles atoms_first{input.atoms, input.edges, limits.atoms, limits.edges, true};
  if (input.edges.empty() || limits.edges == kNoLimit) return atoms_first;
  const bool edges_ask_for_more =
      lower_bound(total, {kNoLimit, limits.edges, kNoLimit}, 1) > lower_bound(total, {limits.atoms, kNoLimit, kNoLimit}, 1);
  return edges_ask_for_more ? Roles{input.edges, input.atoms, limits.edges, limits.atoms, false} : atoms_first;
}

class Deal {
 public:
  explicit Deal(const PlanInput& input)
      : input_(input), total_(total_load(input)), roles_(choose_roles(input, total_)), classes_(roles_.packed, roles_.packed_limit) {}

  Batches run() {
    const Random random(input_.seed, input_.epoch, Purpose::patterns);
    std::uint64_t batches = lower_bound(total_, input_.limits, input_.gpus);
    for (int trial = 0; trial < kMostTrials; ++trial) {
      const Patterns patterns = fewest_batches(classes_, batches, roles_.packed_limit, input_.limits.graphs, input_.gpus, &random);
      if (auto dealt = deal(patterns)) return trial == 0 ? std::move(*dealt) : fewest(std::move(*dealt));
      // Slack grows fast, so that hopeless limits do not cost many trials.
      batches = rounded_up(patterns.batches, input_.gpus) + (std::uint64_t{input_.gpus} << trial);
    }
    return fewest(in_order(best_fit_decreasing(input_)));
  }

 private:
  std::optional<Batches> deal(const Patterns& patterns);
  Batches fewest(Batches&& dealt) const;
  Batches in_order(Batches&& batches) const;
  std::size_t pool() const { return std::max<std::size_t>(1, kPool / input_.gpus) * input_.gpus; }
  std::uint64_t cost(const Load& load) const;

  const PlanInput& input_;
  Load total_;
  Roles roles_;
  SizeClasses classes_;
};

std::optional<Batches> Deal::deal(const Patterns& patterns) {
  const auto groups = shuffled_groups(patterns, input_.seed, input_.epoch);
  if (roles_.levelled.empty()) {
    auto batches = deal_in_order(patterns, groups, shuffled_classes(classes_, roles_.packed, input_.seed, input_.epoch));
    if (classes_.exact()) {
      for (const std::uint32_t g : groups) batches.loads.push_back({patterns.groups[g].load, 0, patterns.groups[g].graphs});
    }
    return in_order(std::move(batches));
  }
  auto levelled = deal_levelled(patterns, groups, shuffled_classes(classes_, roles_.packed, roles_.levelled, input_.seed, input_.epoch), pool());
  if (!repair(patterns, groups, roles_.levelled, roles_.levelled_limit, pool(), levelled)) return std::nullopt;
  if (classes_.exact()) {
    for (std::size_t b = 0; b < groups.size(); ++b) {
      const PatternGroup& group = patterns.groups[groups[b]];
      const std::uint64_t atoms = roles_.packs_atoms ? group.load : levelled.weights[b];
      const std::uint64_t edges = roles_.packs_atoms ? levelled.weights[b] : group.load;
      levelled.batches.loads.push_back({atoms, edges, group.graphs});
    }
  }
  return in_order(std::move(levelled.batches));
}

// Where two limits are tight, packing under both at once may need fewer batches than levelling one of them.
Batches Deal::fewest(Batches&& dealt) const {
  const auto steps = [&](const Batches& b) { return ceil_div(b.size(), input_.gpus); };
  Batches shuffled = algorithm_one(input_, true), best_fit = best_fit_decreasing(input_);
  Batches& packed = steps(best_fit) < steps(shuffled) ? best_fit : shuffled;  // of equals the one that epochs change
  return steps(packed) < steps(dealt) ? in_order(std::move(packed)) : std::move(dealt);
}

std::uint64_t Deal::cost(const Load& load) const {
  if (input_.cost.given()) return input_.cost.per_atom * load.atoms + input_.cost.per_edge * load.edges;
  return input_.edges.empty() ? load.atoms : load.edges;
}

Batches Deal::in_order(Batches&& batches) const {
  if (batches.loads.empty()) batches.loads = loads_of(input_, batches);
  std::vector<std::uint64_t> costs;
  costs.reserve(batches.size());
  std::uint64_t sum = 0;
  for (const Load& load : batches.loads) costs.push_back(cost(load)), sum += costs.back();
  // Costs that hardly differ count as equal: sorting them would put batches of one kind into one step.
  const std::uint64_t grain = std::max<std::uint64_t>(1, sum / costs.size() / kCostGrains);
  const auto [low, high] = std::minmax_element(batches.loads.begin(), batches.loads.end(), [](const Load& a, const Load& b) { return a.atoms < b.atoms; });
  const std::uint64_t least = low->atoms, atoms = high->atoms - least < kFewAtoms ? high->atoms - least + 1 : 1;
  for (std::size_t b = 0; b < costs.size(); ++b) costs[b] = costs[b] / grain * atoms + (batches.loads[b].atoms - least) % atoms;
  batches.order = order_by_cost(costs, input_.gpus, pool(), input_.seed, input_.epoch);
  return std::move(batches);
}

}  // namespace

Batches deal(const PlanInput& input) {
  if (input.size() == 0) return {{}, {0}, {}, {}, false};
  return Deal(input).run();
}

}  // namespace atp

// From sizes to a finished plan.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "cmd/plan_batches.h"
#include "core/plan/copies.h"
#include "core/plan/cost.h"

namespace atp {
namespace {

// Records instead of items, and the records that are beyond a limit as batches of their own.
void name_records(const PlanItems& items, const PlanSizes& sizes, Batches& batches, std::vector<Load>& loads) {
  if (!items.records.empty()) {
    for (std::uint32_t& i : batches.indices) i = items.records[i];
  }
  if (items.singles.empty()) return;
  HugeBuffer<std::uint32_t> indices(batches.indices.size() + items.singles.size());
  std::copy(batches.indices.begin(), batches.indices.end(), indices.begin());
  if (batches.order.empty()) {
    batches.order.resize(batches.size());
    std::iota(batches.order.begin(), batches.order.end(), 0);
  }
  std::vector<std::uint32_t> singles = items.singles;  // those of one step should be alike
  std::stable_sort(singles.begin(), singles.end(), [&](std::uint32_t a, std::uint32_t b) { return sizes.atoms[a] > sizes.atoms[b]; });
  for (const std::uint32_t record : singles) {
    indices[static_cast<std::size_t>(batches.offsets.back())] = record;
    batches.order.push_back(static_cast<std::uint32_t>(batches.size()));
    batches.offsets.push_back(batches.offsets.back() + 1);
    loads.push_back({sizes.atoms[record], sizes.edges_known ? sizes.edges[record] : 0, 1});
  }
  batches.indices = std::move(indices);
}

void cut(const PlanCommand& command, FinishedPlan& plan) {
  plan.all_steps = plan.schedule.steps();
  if (!command.start && !command.step) return;
  plan.first_step = command.step.value_or(command.start.value_or(0));
  const std::uint64_t count = command.step ? 1 : plan.all_steps - std::min(plan.first_step, plan.all_steps);
  if (plan.first_step + count > plan.all_steps || (plan.first_step > plan.all_steps)) {
    throw Error(Exit::usage, "", fmt::format("step {} lies outside of the epoch, which has {}", plan.first_step, plan.all_steps));
  }
  cut_steps(plan.batches, plan.loads, plan.schedule, plan.first_step, count);
}

Tail tail_of(const std::string& name) { return name == "drop" ? Tail::drop : name == "repeat" ? Tail::repeat : Tail::pad; }

}  // namespace

std::uint64_t fewest_batches_of(const Load& total, std::uint64_t singles, const PlanCommand& command) {
  return rounded_up(lower_bound(total, command.limits, 1) + singles, command.gpus);
}

FinishedPlan make_plan(const PlanCommand& command, const PlanSizes& sizes, const ChosenStrategy& strategy, std::uint64_t epoch) {
  const PlanItems items = choose_items(command, sizes, epoch);
  PlanInput input;
  input.atoms = items.atoms;
  input.edges = items.edges;
  input.limits = command.limits;
  input.gpus = command.gpus;
  input.seed = command.seed;
  input.epoch = epoch;
  if (!command.cost.empty()) input.cost = parse_cost(command.cost);

  FinishedPlan plan;
  const auto begin = std::chrono::steady_clock::now();
  plan.batches = strategy.run(input);
  if (!items.records.empty()) separate_copies(input, items.records, plan.batches);
  plan.loads = plan.batches.loads.empty() ? loads_of(input, plan.batches) : std::exchange(plan.batches.loads, {});
  plan.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  plan.epoch = epoch;
  plan.lower_bound = fewest_batches_of(total_load(input), items.singles.size(), command);
  plan.too_large = items.too_large;
  plan.too_small = items.too_small;
  plan.weights = items.weights;

  const std::size_t graphs = items.atoms.size() + items.singles.size();
  if (command.drop_last) drop_rest(plan.batches, plan.loads);
  name_records(items, sizes, plan.batches, plan.loads);
  plan.schedule = make_schedule(plan.batches, plan.loads, command.gpus, tail_of(command.tail));
  plan.dropped = graphs - static_cast<std::uint64_t>(plan.batches.offsets.back());
  cut(command, plan);
  plan.statistics = statistics_of(plan.batches, plan.loads, plan.schedule, command.limits, sizes.starts);
  return plan;
}

}  // namespace atp

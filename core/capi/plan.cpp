// Plans of the C interface.
#include "core/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/capi/atp.h"
#include "core/capi/guard.h"
#include "core/plan/schedule.h"
#include "core/plan/strategies.h"

struct atp_plan {
  std::uint64_t steps = 0, gpus = 1;
  std::vector<std::int64_t> offsets;  // [steps * gpus + 1]
  std::vector<std::uint32_t> indices;
};

namespace atp {
namespace {

constexpr std::uint32_t kMostGpus = 1 << 20;

Limits limits_of(const atp_plan_options& o) {
  const auto limit = [](std::uint64_t n) { return n == 0 ? kNoLimit : n; };
  return {limit(o.max_atoms), limit(o.max_edges), limit(o.max_graphs)};
}

void check_graphs(const PlanInput& input) {
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::uint64_t atoms = input.atoms[i], edges = input.edges.empty() ? 0 : input.edges[i];
    if (atoms > input.limits.atoms) fail_argument(fmt::format("graph {} has {} atoms, the limit of a batch is {}", i, atoms, input.limits.atoms));
    if (edges > input.limits.edges) fail_argument(fmt::format("graph {} has {} edges, the limit of a batch is {}", i, edges, input.limits.edges));
  }
}

PlanInput input_of(std::span<const std::uint32_t> atoms, std::span<const std::uint32_t> edges, const atp_plan_options& o) {
  if (atoms.size() > 0xffffffff) fail_argument(fmt::format("{} graphs are more than a plan can have (2^32 - 1)", atoms.size()));
  if (o.max_atoms == 0 && o.max_edges == 0 && o.max_graphs == 0) fail_argument("how much a batch may hold is not given: max_atoms, max_edges or max_graphs");
  if (o.max_edges != 0 && edges.empty() && !atoms.empty()) fail_argument("max_edges is given, and edges is NULL");
  if (o.gpus > kMostGpus) fail_argument(fmt::format("{} GPUs are too many", o.gpus));
  if (o.tail > 2) fail_argument(fmt::format("tail is {}, it must be 0, 1 or 2", o.tail));
  PlanInput input;
  input.atoms = atoms;
  input.edges = edges;
  input.limits = limits_of(o);
  input.gpus = std::max(o.gpus, std::uint32_t{1});
  input.seed = o.seed;
  input.epoch = o.epoch;
  check_graphs(input);
  return input;
}

// The batches in the order of training, one behind the other.
void lay_out(const Batches& batches, const Schedule& schedule, atp_plan& plan) {
  plan.steps = schedule.steps();
  plan.gpus = schedule.gpus;
  plan.offsets.push_back(0);
  for (const std::uint32_t b : schedule.batches) {
    const auto batch = batches.batch(b);
    plan.indices.insert(plan.indices.end(), batch.begin(), batch.end());
    plan.offsets.push_back(static_cast<std::int64_t>(plan.indices.size()));
  }
}

std::unique_ptr<atp_plan> make(const PlanInput& input, const atp_plan_options& o) {
  auto plan = std::make_unique<atp_plan>();
  plan->gpus = input.gpus;
  const ChosenStrategy strategy = parse_strategy(o.strategy == nullptr ? "deal" : o.strategy);
  if (input.size() == 0) {
    plan->offsets.push_back(0);
    return plan;
  }
  Batches batches = strategy.run(input);
  std::vector<Load> loads = batches.loads.empty() ? loads_of(input, batches) : batches.loads;
  constexpr Tail kTails[] = {Tail::pad, Tail::drop, Tail::repeat};
  const Schedule schedule = make_schedule(batches, loads, input.gpus, kTails[o.tail]);
  lay_out(batches, schedule, *plan);
  return plan;
}

}  // namespace
}  // namespace atp

extern "C" {

int atp_plan_make(const uint32_t* atoms, const uint32_t* edges, size_t n, const atp_plan_options* options, atp_plan** plan) {
  return atp::guarded([&] {
    atp::not_null(plan, "plan") = nullptr;
    if (n != 0) atp::not_null(atoms, "atoms");
    const atp_plan_options& o = atp::checked(options, "options");
    const atp::PlanInput input = atp::input_of({atoms, n}, {edges, edges == nullptr ? 0 : n}, o);
    *plan = atp::make(input, o).release();
  });
}

int atp_plan_view(const atp_plan* plan, atp_plan_arrays* arrays) {
  return atp::guarded([&] {
    atp_plan_arrays& a = atp::checked(arrays, "arrays");
    const atp_plan& p = atp::not_null(plan, "plan");
    a.steps = p.steps;
    a.gpus = p.gpus;
    a.graphs = p.indices.size();
    a.offsets = p.offsets.data();
    a.indices = p.indices.data();
  });
}

void atp_plan_free(atp_plan* plan) { delete plan; }

}

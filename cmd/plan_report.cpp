// `atp plan-batches --report`, --compare and --simulate: what a plan is worth.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/plan_draw.h"
#include "cmd/terminal.h"
#include "core/base/interrupt.h"
#include "core/base/json_writer.h"
#include "core/plan/simulate.h"

namespace atp {
namespace {

constexpr std::size_t kShownSteps = 3;
constexpr std::size_t kShownBars = 24;

// The most graphs that always fit: what a loader with a fixed count can afford.
ChosenStrategy safe_fixed_count(const PlanCommand& command, const PlanSizes& sizes) {
  std::uint64_t most = 1, count = kNoLimit;
  for (const std::uint32_t a : sizes.atoms) most = std::max<std::uint64_t>(most, a);
  if (command.limits.atoms != kNoLimit) count = command.limits.atoms / most;
  if (command.limits.edges != kNoLimit) {
    most = 1;
    for (const std::uint32_t e : sizes.edges) most = std::max<std::uint64_t>(most, e);
    count = std::min(count, command.limits.edges / most);
  }
  count = std::min(count, command.limits.graphs);
  return parse_strategy(fmt::format("fixed:{}", std::clamp<std::uint64_t>(count, 1, 1'000'000'000)));
}

std::vector<ChosenStrategy> all_strategies(const PlanCommand& command, const PlanSizes& sizes) {
  std::vector<ChosenStrategy> all{safe_fixed_count(command, sizes)};
  for (const Strategy& s : strategies()) {
    if (!s.takes_count && s.name != "deal") all.push_back({&s, 0});
  }
  all.push_back(parse_strategy("deal"));
  return all;
}

// Loads of the GPUs of a step; with --per-node the mean over the GPUs of each node.
std::vector<double> loads_of_step(const PlanCommand& command, const FinishedPlan& plan, std::size_t step) {
  const std::uint32_t node = std::max<std::uint32_t>(1, command.per_node);
  std::vector<double> loads;
  for (std::uint32_t r = 0; r < plan.schedule.gpus; r += node) {
    const std::uint32_t end = std::min(plan.schedule.gpus, r + node);
    double sum = 0;
    for (std::uint32_t k = r; k < end; ++k) sum += static_cast<double>(plan.loads[plan.schedule.at(step, k)].atoms);
    loads.push_back(sum / (end - r));
  }
  return loads;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string step_text(const PlanCommand& command, const char* name, const FinishedPlan& plan, std::size_t step, double top) {
  const auto loads = loads_of_step(command, plan, step);
  const auto [low, high] = std::minmax_element(loads.begin(), loads.end());
  std::string text = fmt::format("  {:<7} step {:<4} atoms {:.0f} to {:.0f}, mean {:.1f}, straggler {:.4f}\n", name, plan.first_step + step, *low, *high, mean(loads), mean(loads) > 0 ? *high / mean(loads) : 1);
  for (std::size_t i = 0; i < std::min(loads.size(), kShownBars); ++i) {
    text += fmt::format("    {} {:>4} {:>8.0f} {}\n", command.per_node > 0 ? "node" : "GPU", i, loads[i], bar_of(loads[i], top, 50));
  }
  if (loads.size() > kShownBars) text += fmt::format("    and {} more\n", loads.size() - kShownBars);
  return text;
}

std::vector<HistogramBin> load_histogram(const std::vector<Load>& loads) {
  if (loads.empty()) return {};
  const auto [low, high] = std::minmax_element(loads.begin(), loads.end(), [](const Load& a, const Load& b) { return a.atoms < b.atoms; });
  const std::uint64_t from = low->atoms, width = std::max<std::uint64_t>(1, ceil_div(high->atoms - from + 1, 16));
  std::vector<HistogramBin> bins;
  for (std::uint64_t b = from; b <= high->atoms; b += width) bins.push_back({width == 1 ? fmt::format("{}", b) : fmt::format("{}-{}", b, b + width - 1), 0});
  for (const Load& load : loads) ++bins[(load.atoms - from) / width].count;
  return bins;
}

std::vector<double> heights(const std::vector<HistogramBin>& bins) {
  std::vector<double> values;
  for (const auto& bin : bins) values.push_back(static_cast<double>(bin.count));
  return values;
}

std::vector<std::string> quality_row(const std::string& name, const PlanSizes& sizes, const FinishedPlan& plan) {
  const PlanStatistics& s = plan.statistics;
  return {name, human_count(s.batches), fmt::format("{:.2f}", 100 * s.padding),
          fmt::format("{}..{}", s.atoms_min, s.atoms_max), fmt::format("{:.4f}", s.straggler_atoms),
          sizes.edges_known ? fmt::format("{:.4f}", s.straggler_edges) : "-", fmt::format("{:.4f}", s.mix), fmt::format("{:.4f} s", plan.seconds)};
}

const std::vector<std::string> kQualityHead{"strategy", "batches", "padding %", "atoms", "straggler", "edges", "mix", "planned in"};

std::string padding_note(const FinishedPlan& plan) {
  return plan.statistics.binding == Binding::atoms ? "" : fmt::format("; padding counts {}", binding_name(plan.statistics.binding));
}

// Batches as graphs, for repeats().
double repeats_next_epoch(const PlanCommand& command, const PlanSizes& sizes, const ChosenStrategy& strategy, const FinishedPlan& plan) {
  const FinishedPlan next = make_plan(command, sizes, strategy, plan.epoch + 1);
  return repeats(plan.batches, next.batches, sizes.records());
}

}  // namespace

void report_plan(const PlanCommand& command, const PlanSizes& sizes) {
  const ChosenStrategy strategy = parse_strategy(command.strategy), fixed = safe_fixed_count(command, sizes);
  const FinishedPlan before = make_plan(command, sizes, fixed, command.epoch), after = make_plan(command, sizes, strategy, command.epoch);
  warn_if_empty(command, after);
  std::string text = table({kQualityHead, quality_row(fixed.name(), sizes, before), quality_row(strategy.name(), sizes, after)}, {false, true, true, true, true, true, true, true});
  text += fmt::format("lower bound: {} batches{}\n\nLoad of each {}\n", human_count(after.lower_bound), padding_note(after), command.per_node > 0 ? "node (mean of its GPUs)" : "GPU");
  const double top = static_cast<double>(std::max({before.statistics.atoms_max, after.statistics.atoms_max, std::uint64_t{1}}));
  Drawing drawing;
  for (std::size_t t = 0; t < kShownSteps; ++t) {
    for (const auto& [name, plan] : {std::pair<const char*, const FinishedPlan*>{"before", &before}, {"after", &after}}) {
      if (t >= plan->schedule.steps()) continue;
      text += step_text(command, name, *plan, t, top);
      const auto loads = loads_of_step(command, *plan, t);
      drawing.bars(fmt::format("{}: step {}", name, plan->first_step + t), command.per_node > 0 ? "node" : "GPU", loads, top, mean(loads));
    }
  }
  for (const auto& [name, plan] : {std::pair<std::string, const FinishedPlan*>{fixed.name(), &before}, {strategy.name(), &after}}) {
    const auto bins = load_histogram(plan->loads);
    if (bins.empty()) continue;
    text += fmt::format("\nAtoms of batches, {}\n{}", name, histogram(bins, 80));
    const auto values = heights(bins);
    drawing.bars(fmt::format("batches: {}", name), fmt::format("atoms, {} to {}", plan->statistics.atoms_min, plan->statistics.atoms_max), values, *std::max_element(values.begin(), values.end()), 0);
  }
  print(text);
  write_drawings(command.svg, command.html, command.force, "Batches before and after", text, drawing);
}

void compare_strategies(const PlanCommand& command, const PlanSizes& sizes) {
  auto head = kQualityHead;
  head.push_back("repeats");
  std::vector<std::vector<std::string>> rows{head};
  std::string json;
  std::string bound;
  for (const ChosenStrategy& strategy : all_strategies(command, sizes)) {
    throw_if_interrupted();
    const FinishedPlan plan = make_plan(command, sizes, strategy, command.epoch);
    const double again = repeats_next_epoch(command, sizes, strategy, plan);
    bound = fmt::format("lower bound: {} batches{}\n", human_count(plan.lower_bound), padding_note(plan));
    rows.push_back(quality_row(strategy.name(), sizes, plan));
    rows.back().push_back(fmt::format("{:.1e}", again));
    PlanCommand named = command;
    named.strategy = strategy.name();
    std::string line = plan_json(named, sizes, plan);
    line.pop_back();
    JsonWriter w;
    json += fmt::format("{},\"repeats\":{}}}\n", line, w.real(again).text());
  }
  const std::string text = table_that_fits(rows, {false, true, true, true, true, true, true, true, true}, {6, 7, 5, 2}) + bound;
  print(command.json ? json : text);
}

void simulate_epochs(const PlanCommand& command, const PlanSizes& sizes) {
  const CostModel model = parse_cost_model(command.model);
  const auto all = all_strategies(command, sizes);
  const auto counts = gpu_counts(command.gpus);
  std::vector<Series> strong, weak;
  std::string json;
  for (const ChosenStrategy& strategy : all) {
    strong.push_back({strategy.name(), {}});
    weak.push_back({strategy.name(), {}});
    for (const std::uint32_t g : counts) {
      throw_if_interrupted();
      PlanCommand at = command;
      at.gpus = g;
      const FinishedPlan whole = make_plan(at, sizes, strategy, command.epoch);
      const double seconds = epoch_seconds(whole.loads, whole.schedule, model);
      // As much for each GPU as all of them have of the whole: every so many steps of the plan for all.
      at.share = static_cast<double>(g) / command.gpus;
      const FinishedPlan part = make_plan(at, sizes, strategy, command.epoch);
      const double own = epoch_seconds(part.loads, part.schedule, model);
      strong.back().points.emplace_back(g, seconds);
      weak.back().points.emplace_back(g, own);
      JsonWriter w;
      json += w.begin_object().key("strategy").string(strategy.name()).key("gpus").count(g).key("strong_seconds").real(seconds).key("weak_seconds").real(own).end_object().text() + "\n";
    }
  }
  const auto table_of = [&](const std::vector<Series>& series) {
    std::vector<std::vector<std::string>> rows{{"GPUs"}};
    for (const Series& s : series) rows[0].push_back(s.name);
    std::vector<bool> right(series.size() + 1, true);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      rows.push_back({human_count(counts[i])});
      for (const Series& s : series) rows.back().push_back(fmt::format("{:.2f}", s.points[i].second));
    }
    return table(rows, right);
  };
  std::string text = "Strong scaling: seconds for an epoch of all graphs\n" + table_of(strong);
  text += fmt::format("\nWeak scaling: seconds for an epoch of as many graphs a GPU as {} GPUs have of all\n", command.gpus) + table_of(weak);
  text += fmt::format("\na step: max over GPUs ({} s * max(atoms, {}) + {} s * edges) + {} s + 2 (G-1)/G * {} s + {} s * log2 G\n", model.token, model.saturation, model.edge, model.step, model.reduce, model.latency);
  Drawing drawing;
  drawing.lines("strong scaling", "GPUs", "seconds", strong);
  drawing.lines("weak scaling", "GPUs", "seconds", weak);
  print(command.json ? json : text);
  write_drawings(command.svg, command.html, command.force, "Epoch times", text, drawing);
}

}  // namespace atp

// `atp plan-batches --verify`: whether a plan is what its plan.json says, of this dataset.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "cmd/plan_description.h"
#include "cmd/plan_files.h"
#include "cmd/plan_shapes.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

// Planning again takes memory for all graphs of the epoch: where the plan has less than half of them up to so many, and
// so many for each record.
constexpr std::uint64_t kMostReplanned = 1 << 20, kMostReplannedTimes = 16;
constexpr std::size_t kMostFindings = 20;

// Sizes are read once for all epochs: standard input comes once, and edges take long to count.
class SizesOnce {
 public:
  // --mix speaks of the names that the datasets had when they were planned.
  PlanSizes& of(PlanCommand command) {
    command.mix.clear();
    if (!sizes_ || cutoff_ != command.cutoff) sizes_ = read_sizes(command);
    cutoff_ = command.cutoff;
    return *sizes_;
  }

 private:
  std::optional<PlanSizes> sizes_;
  std::optional<double> cutoff_;
};

// One plan folder: what it holds is counted anew, and everything that plan.json says is compared.
class PlanCheck {
 public:
  PlanCheck(const PlanCommand& command, const std::string& folder)
      : folder_(folder), description_(folder + "/plan.json"), command_(description_.command(command)), form_(description_.form()) {}

  std::vector<std::string> run(SizesOnce& sizes_once) {
    PlanSizes& sizes = sizes_once.of(command_);
    command_.cutoff = description_.cutoff();
    try {
      check_hashes(sizes);
      if (findings_.empty()) check(sizes);
    } catch (const PlanFault& fault) {
      find(fault.what);
    } catch (const Error& e) {  // options that are of the plan, not of this command line
      if (e.exit() != Exit::usage) throw;
      description_.fail(e.problem());
    }
    if (more_ > 0) findings_.push_back(fmt::format("and {} more", more_));
    return std::move(findings_);
  }

  std::uint64_t graphs() const { return plan_.statistics.graphs; }
  std::uint64_t batches() const { return plan_.statistics.batches; }
  std::uint64_t epoch() const { return plan_.epoch; }

 private:
  void find(std::string text) {
    if (findings_.size() < kMostFindings) findings_.push_back(std::move(text));
    else ++more_;
  }

  void check_hashes(PlanSizes& sizes);
  void check(const PlanSizes& sizes);
  void count_batches(const PlanSizes& sizes);
  void check_limits(std::uint64_t batch, const Load& load);
  void check_schedule();
  void check_times(const PlanSizes& sizes);
  void check_steps(const PlanSizes& sizes);
  void check_shapes();

  std::string folder_;
  PlanDescription description_;
  PlanCommand command_;  // as the plan was made
  PlanForm form_;
  StoredPlan stored_;
  FinishedPlan plan_;  // the same, counted anew
  std::vector<std::uint32_t> times_;  // [records]: how often each is trained
  std::vector<std::string> findings_;
  std::uint64_t more_ = 0;
};

void PlanCheck::check_hashes(PlanSizes& sizes) {
  const auto planned = description_.datasets();
  for (std::size_t d = 0; d < sizes.sets.size() && d < planned.size(); ++d) {
    if (planned[d].hash != sizes.sets[d].hash) find(fmt::format("{} is not the dataset that was planned: its hash differs", sizes.sets[d].path));
    sizes.sets[d].name = planned[d].name;
  }
  if (planned.size() != sizes.sets.size()) find(fmt::format("{} datasets were planned, {} are given", planned.size(), sizes.sets.size()));
  if (description_.sizes_hash() != sizes.sizes_hash) find("the atom counts are not those that were planned: their hash differs");
  const auto edges = description_.edges_hash();
  if (edges && !sizes.edges_known) find("the plan counts edges, which are not known here; pass --edges FILE");
  if (!edges && sizes.edges_known) find("the plan counts no edges; leave --edges and --cutoff out");
  if (edges && sizes.edges_known && *edges != sizes.edges_hash) find("the edge counts are not those that were planned: their hash differs");
}

void PlanCheck::check(const PlanSizes& sizes) {
  stored_ = read_plan(folder_, form_);
  plan_.epoch = command_.epoch;
  plan_.first_step = form_.first_step;
  plan_.all_steps = form_.steps;
  count_batches(sizes);
  check_schedule();
  if (!findings_.empty()) return;
  check_times(sizes);
  plan_.batches = std::move(stored_.batches);
  plan_.schedule = std::move(stored_.schedule);
  plan_.statistics = statistics_of(plan_.batches, plan_.loads, plan_.schedule, command_.limits, sizes.starts);
  if (findings_.empty()) check_steps(sizes);
  if (form_.shapes) check_shapes();
  for (std::string& difference : description_.differences(plan_json(command_, sizes, plan_))) find(std::move(difference));
}

void PlanCheck::count_batches(const PlanSizes& sizes) {
  times_.resize(sizes.records());
  for (std::uint64_t b = 0; b < stored_.loads.size(); ++b) {
    if (b % 65536 == 0) throw_if_interrupted();
    Load load;
    for (const std::uint32_t record : stored_.batches.batch(b)) {
      if (record >= sizes.records()) throw PlanFault{fmt::format("batch {}: record {} is beyond the {} there are", b, record, sizes.records())};
      load.atoms += sizes.atoms[record];
      load.edges += sizes.edges_known ? sizes.edges[record] : 0;
      ++load.graphs;
      ++times_[record];
    }
    const Load& said = stored_.loads[b];
    if (load.atoms != said.atoms) find(fmt::format("batch {}: {} atoms, it is said to have {}", b, load.atoms, static_cast<std::int64_t>(said.atoms)));
    if (load.edges != said.edges) find(fmt::format("batch {}: {} edges, it is said to have {}", b, load.edges, static_cast<std::int64_t>(said.edges)));
    if (load.graphs != said.graphs) find(fmt::format("batch {}: {} graphs, it is said to have {}", b, load.graphs, static_cast<std::int64_t>(said.graphs)));
    check_limits(b, load);
    plan_.loads.push_back(load);
  }
}

void PlanCheck::check_limits(std::uint64_t batch, const Load& load) {
  const Limits& limits = command_.limits;
  const bool single = load.graphs == 1 && command_.oversize == "single";
  if (load.atoms > limits.atoms && !single) find(fmt::format("batch {}: {} atoms, the limit is {}", batch, load.atoms, limits.atoms));
  if (load.edges > limits.edges && !single) find(fmt::format("batch {}: {} edges, the limit is {}", batch, load.edges, limits.edges));
  if (load.graphs > limits.graphs) find(fmt::format("batch {}: {} graphs, the limit is {}", batch, load.graphs, limits.graphs));
}

void PlanCheck::check_schedule() {
  std::vector<std::uint32_t> times(stored_.loads.size());
  for (const std::uint32_t b : stored_.schedule.batches) ++times[b];
  for (std::uint64_t b = 0; b < times.size(); ++b) {
    if (times[b] == 0 || (times[b] > 1 && !form_.may_repeat)) find(fmt::format("batch {} is trained {} times", b, times[b]));
  }
}

// Each graph as often as records, sizes and mix say; fewer where batches were dropped or steps cut out.
void PlanCheck::check_times(const PlanSizes& sizes) {
  ItemCounts expected;
  try {
    expected = count_items(command_, sizes, command_.epoch);
  } catch (const Error& e) {  // a record beyond the limits, or too many graphs
    if (e.exit() != Exit::input) throw;
    throw PlanFault{fmt::format("{}: {}", e.where(), e.problem())};
  }
  std::uint64_t missing = 0;
  for (std::uint64_t r = 0; r < times_.size(); ++r) {
    if (times_[r] > expected.times[r]) find(fmt::format("record {} is in {} batches, {} expected", r, times_[r], expected.times[r]));
    missing += expected.times[r] - std::min(times_[r], expected.times[r]);
  }
  plan_.too_large = expected.too_large, plan_.too_small = expected.too_small;
  plan_.weights = expected.weights;
  plan_.lower_bound = fewest_batches_of(expected.total, expected.singles, command_);
  plan_.dropped = missing;
  const std::uint64_t replanned = expected.total.graphs + expected.singles;
  if (replanned > kMostReplanned && replanned > kMostReplannedTimes * sizes.records() && missing > replanned / 2) {
    description_.fail(fmt::format("its weights ask for {} graphs of {} records, and the plan has {}", replanned, sizes.records(), replanned - missing));
  }
}

// The same options give the same bytes, so the epoch planned again has these very steps.
void PlanCheck::check_steps(const PlanSizes& sizes) {
  if (description_.planned_by() != version()) {
    note(fmt::format("{}: planned by atp {}, which may deal otherwise: not planned again", folder_, description_.planned_by()));
    plan_.all_steps = description_.epoch_steps();
    if (description_.is_part()) plan_.dropped = description_.dropped();
    return;
  }
  PlanCommand again = command_;
  if (description_.is_part()) again.start = form_.first_step;
  const FinishedPlan fresh = make_plan(again, sizes, parse_strategy(command_.strategy), command_.epoch);
  plan_.all_steps = fresh.all_steps;
  plan_.dropped = fresh.dropped;
  const std::size_t steps = plan_.schedule.steps(), rest = fresh.schedule.steps();
  bool same = steps == rest || (description_.is_part() && steps == 1 && rest > 0);
  for (std::size_t i = 0; same && i < plan_.schedule.batches.size(); ++i) {
    const auto own = plan_.batches.batch(plan_.schedule.batches[i]), other = fresh.batches.batch(fresh.schedule.batches[i]);
    same = std::equal(own.begin(), own.end(), other.begin(), other.end());
  }
  if (!same) find(fmt::format("its steps are not those that {} makes with seed {} in epoch {}", command_.strategy, command_.seed, command_.epoch));
}

void PlanCheck::check_shapes() {
  if (static_shapes(plan_, command_.shapes).of_step != stored_.shapes) find("its steps have other shapes than those that fit");
}

std::vector<std::string> plan_folders(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder + "/plan.json", error)) return {folder};
  std::vector<std::string> epochs;
  std::string foreign;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const bool epoch = entry.path().filename().string().starts_with("epoch-");
    (epoch ? epochs.emplace_back() : foreign) = entry.path().string();
  }
  if (epochs.empty()) fail_input(folder, "holds no plan.json", "name a folder that atp plan-batches -o wrote");
  if (!foreign.empty()) fail_input(foreign, "is no file of this plan", "move it elsewhere");
  std::sort(epochs.begin(), epochs.end(), [](const std::string& a, const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); });
  return epochs;
}

// Epochs follow each other, and their folders are named after them.
std::string wrong_epoch(const std::string& folder, std::uint64_t epoch, std::optional<std::uint64_t>& last) {
  const bool follows = !last || epoch == *last + 1;
  const bool named = std::filesystem::path(folder).filename() == fmt::format("epoch-{}", epoch);
  const std::uint64_t expected = last ? *last + 1 : epoch;
  last = epoch;
  if (!named) return fmt::format("its plan.json is of epoch {}", epoch);
  return follows ? "" : fmt::format("epoch {} is missing before it", expected);
}

}  // namespace

Exit verify_plan(const PlanCommand& command) {
  if (command.datasets.empty() && command.sizes.empty()) {
    throw Error(Exit::usage, "", "--verify needs the dataset that was planned", "name it, or pass --sizes FILE");
  }
  bool sound = true;
  const auto folders = plan_folders(command.verify);
  const bool several = folders[0] != command.verify;
  std::optional<std::uint64_t> last;
  SizesOnce sizes;
  for (const std::string& folder : folders) {
    PlanCheck check(command, folder);
    auto findings = check.run(sizes);
    if (several && findings.empty()) {
      if (std::string wrong = wrong_epoch(folder, check.epoch(), last); !wrong.empty()) findings.push_back(std::move(wrong));
    }
    for (const std::string& finding : findings) print(fmt::format("{}: {}\n", folder, finding));
    if (findings.empty() && !common_options().quiet) {
      print(fmt::format("{}: sound: {} graphs in {} batches\n", folder, human_count(check.graphs()), human_count(check.batches())));
    }
    sound = sound && findings.empty();
  }
  return sound ? Exit::ok : Exit::no;
}

}  // namespace atp

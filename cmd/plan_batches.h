// What the parts of `atp plan-batches` share. Private to cmd/plan_*.cpp and their tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/huge_buffer.h"
#include "core/plan/plan.h"
#include "core/plan/schedule.h"
#include "core/plan/statistics.h"
#include "core/plan/strategies.h"

namespace atp {

struct PlanCommand {
  std::vector<std::string> datasets;
  std::string sizes, edges;  // files; "-": stdin
  std::optional<double> cutoff;
  Limits limits;
  std::string cost;
  std::uint32_t gpus = 1;
  std::uint32_t per_node = 0;  // 0: all on one
  std::uint64_t seed = 0, epoch = 0, epochs = 1;
  std::string strategy = "deal";
  std::string oversize = "error";  // single, skip
  std::uint64_t min_atoms = 0;
  std::string records, mix;
  std::string tail = "pad";  // drop, repeat
  bool drop_last = false;
  std::uint64_t shapes = 0;  // static shapes; 0: none
  std::optional<std::uint64_t> start, step;
  std::string output, format = "npy";
  bool per_rank = false, force = false, json = false;
  std::string verify;
  bool report = false, compare = false, simulate = false;
  std::string svg, html;
  std::string model;  // of --simulate
  double share = 1;   // of each dataset: --simulate plans smaller epochs
};

// The command. Returns ok, or no when --verify finds something; throws Error.
Exit plan_batches(const PlanCommand& command);
Exit verify_plan(const PlanCommand& command);

// ---- what is planned ----------------------------------------------------------------------------

// A dataset argument, or --sizes.
struct PlanSet {
  std::string path, name;  // name: what --mix calls it
  std::uint64_t records = 0;
  std::uint64_t hash = 0;  // of the indexes of its files, or of the counts
  double weight = 1;       // of --mix
};

// All records of all sets, in the order given.
struct PlanSizes {
  std::vector<PlanSet> sets;
  std::vector<std::uint64_t> starts;           // [sets + 1]
  HugeBuffer<std::uint32_t> atoms, edges;      // [records]; edges may be empty
  std::uint64_t sizes_hash = 0, edges_hash = 0;  // XXH3-64 of the counts as u32

  std::uint64_t records() const { return starts.back(); }
};
PlanSizes read_sizes(const PlanCommand& command);

// The graphs of one epoch: a record stands here as often as the mix says.
struct PlanItems {
  // [items]: the record of each; empty: item i is record i.
  HugeBuffer<std::uint32_t> records;
  HugeBuffer<std::uint32_t> own_atoms, own_edges;  // where they are not those of the sizes
  std::span<const std::uint32_t> atoms, edges;     // [items]; borrow from here or from the sizes
  std::vector<std::uint64_t> starts;               // [sets + 1]: where each set's items begin
  std::vector<std::uint32_t> singles;              // records beyond a limit, each a batch of its own
  std::uint64_t too_large = 0, too_small = 0;      // records left out

  std::uint32_t record(std::uint32_t item) const { return records.empty() ? item : records[item]; }
};
// Throws Error (exit 3) naming the record that is beyond a limit, unless --oversize says otherwise.
PlanItems choose_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch);

// ---- a plan -------------------------------------------------------------------------------------

// What is written: batches of records.
struct FinishedPlan {
  Batches batches;          // of records (no longer of items)
  std::vector<Load> loads;  // [batches]
  Schedule schedule;
  PlanStatistics statistics;
  std::uint64_t lower_bound = 0, epoch = 0, first_step = 0, all_steps = 0;
  std::uint64_t too_large = 0, too_small = 0, dropped = 0;  // records left out; graphs of dropped batches
  double seconds = 0;                                       // planning alone
};
FinishedPlan make_plan(const PlanCommand& command, const PlanSizes& sizes, const ChosenStrategy& strategy, std::uint64_t epoch);

// --report, --compare, --simulate: print, and draw where --svg and --html say so.
void report_plan(const PlanCommand& command, const PlanSizes& sizes);
void compare_strategies(const PlanCommand& command, const PlanSizes& sizes);
void simulate_epochs(const PlanCommand& command, const PlanSizes& sizes);

// Writes the folder: one plan, or one for each epoch.
void write_plans(const PlanCommand& command, const PlanSizes& sizes);

// plan.json, one object without a line end.
std::string plan_json(const PlanCommand& command, const PlanSizes& sizes, const FinishedPlan& plan);

}  // namespace atp

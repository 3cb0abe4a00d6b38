// What the parts of `atp plan-batches` share. Private to cmd/plan_*.cpp and their tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/huge_buffer.h"
#include "core/plan/plan.h"
#include "core/plan/schedule.h"
#include "core/plan/statistics.h"
#include "core/plan/strategies.h"

namespace atp {

inline constexpr std::uint64_t kLargestLimit = ~std::uint64_t{0} >> 1;  // above it kNoLimit
inline constexpr std::uint64_t kMostGpus = 1'000'000, kMostShapes = 64;

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
  std::vector<std::string> given;  // the options of the command line

  bool gave(std::string_view option) const { return std::find(given.begin(), given.end(), option) != given.end(); }
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
};

// All records of all sets, in the order given.
struct PlanSizes {
  std::vector<PlanSet> sets;
  std::vector<std::uint64_t> starts;           // [sets + 1]
  HugeBuffer<std::uint32_t> atoms, edges;      // [records]
  bool edges_known = false;                    // else edges is empty
  std::uint64_t sizes_hash = 0, edges_hash = 0;  // XXH3-64 of the counts as u32

  std::uint64_t records() const { return starts.back(); }
};
PlanSizes read_sizes(const PlanCommand& command);

// A plan's graphs have numbers of 32 bits. Throws Error (exit 3) when there are more.
void check_graphs(std::uint64_t graphs, const std::string& where);
// What --mix calls a dataset argument: the name of its file or folder without .atp.
std::string set_name(const std::string& path);

// The graphs of one epoch: a record stands here as often as the mix says.
struct PlanItems {
  // [items]: the record of each; empty: item i is record i.
  HugeBuffer<std::uint32_t> records;
  HugeBuffer<std::uint32_t> own_atoms, own_edges;  // where they are not those of the sizes
  std::span<const std::uint32_t> atoms, edges;     // [items]; borrow from here or from the sizes
  std::vector<std::uint32_t> singles;              // records beyond a limit, each a batch of its own
  std::uint64_t too_large = 0, too_small = 0;      // records left out
  std::vector<double> weights;                     // [sets]: of --mix

  std::uint32_t record(std::uint32_t item) const { return records.empty() ? item : records[item]; }
};
// Throws Error (exit 3) naming the record that is beyond a limit, unless --oversize says otherwise.
PlanItems choose_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch);

// The same without a place for each item: what --verify expects, whatever a plan says about weights.
struct ItemCounts {
  std::vector<std::uint32_t> times;  // [records]: how often each is trained, singles too
  Load total;                        // of all items but the singles
  std::uint64_t singles = 0, too_large = 0, too_small = 0;
  std::vector<double> weights;
};
ItemCounts count_items(const PlanCommand& command, const PlanSizes& sizes, std::uint64_t epoch);

// ---- a plan -------------------------------------------------------------------------------------

// What is written: batches of records.
struct FinishedPlan {
  Batches batches;          // of records (no longer of items)
  std::vector<Load> loads;  // [batches]
  Schedule schedule;
  PlanStatistics statistics;
  std::uint64_t lower_bound = 0, epoch = 0, first_step = 0, all_steps = 0;
  std::uint64_t too_large = 0, too_small = 0, dropped = 0;  // records left out; graphs of dropped batches
  std::vector<double> weights;                              // [sets]: of --mix
  double seconds = 0;                                       // planning alone
};
// The batches that could be enough for all items, the singles among them, as a multiple of the GPUs.
std::uint64_t fewest_batches_of(const Load& total, std::uint64_t singles, const PlanCommand& command);
FinishedPlan make_plan(const PlanCommand& command, const PlanSizes& sizes, const ChosenStrategy& strategy, std::uint64_t epoch);

// --report, --compare, --simulate: print, and draw where --svg and --html say so.
void report_plan(const PlanCommand& command, const PlanSizes& sizes);
void compare_strategies(const PlanCommand& command, const PlanSizes& sizes);
void simulate_epochs(const PlanCommand& command, const PlanSizes& sizes);

// Writes the folder: one plan, or one for each epoch.
void write_plans(const PlanCommand& command, const PlanSizes& sizes);

// "atoms", "edges", "graphs".
std::string_view binding_name(Binding binding);
// A plan without graphs is what was asked for, and hardly what was meant.
void warn_if_empty(const PlanCommand& command, const FinishedPlan& plan);

// plan.json, one object without a line end.
std::string plan_json(const PlanCommand& command, const PlanSizes& sizes, const FinishedPlan& plan);

}  // namespace atp

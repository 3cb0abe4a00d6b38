// What the parts of `atp bench` share. Private to cmd/bench*.cpp and their tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/terminal.h"
#include "core/base/error.h"
#include "core/bench/requirement.h"
#include "core/bench/results.h"
#include "core/bench/session.h"
#include "core/bench/stores.h"

namespace atp {

struct BenchCommand {
  std::vector<std::string> datasets;  // none or one
  std::vector<std::string> dirs;
  std::optional<std::uint64_t> records;
  std::vector<std::uint32_t> atoms = {12, 64, 256};
  bool custom = false;
  bool force = false;
  std::string like;
  std::vector<std::string> backends, workloads;  // empty: the usual ones
  std::vector<int> workers = {1, 2, 4, 8};
  int trials = 5;
  std::size_t batch = 256;
  double seconds = 90;
  std::optional<std::uint64_t> seed;
  std::string io = "auto";
  bool json = false;
  std::string html, baseline;
  std::vector<std::string> require;
  bool goals = false, footprint = false, io_profile = false;
  std::string grid = "world";
};

// What a row has become since an older run.
enum class Verdict {
  better,
  worse,
  same,          // the interval holds 1
  few_trials,    // too few in one of the runs to have an interval
  incomparable,  // the rows are not of the same thing
};
std::string_view verdict_name(Verdict verdict);  // of JSON
struct BaselineChange {
  std::string dir, load, workload, backend;
  double ratio;  // of the medians, now over then
  Interval interval;  // 95 %; not known of few trials, and of what is not comparable
  Verdict verdict;
  std::string why;  // it is not comparable; else empty
};
std::string change_interval(const BaselineChange& change);  // "0.981 .. 1.022"; empty where it is not known
std::string verdict_text(const BaselineChange& change);  // of the table and the page; empty for the same

// What else differs between two runs, an option or something of the machine.
struct BaselineDifference {
  std::string what, then, now;
};

// What a run was held against.
struct BenchChecks {
  bool with_goals = false, with_baseline = false;
  std::vector<GoalResult> goals;            // --goals
  std::vector<BaselineChange> changes;      // --baseline
  bool baseline_has_options = true;         // older reports do not tell them
  std::vector<BaselineDifference> differences;
  std::vector<RequirementResult> required;  // --require

  bool all_met() const;  // of what is required
};

// The command. Returns ok, or no when a --require is missed; throws Error.
Exit bench(const BenchCommand& command);

// ---- what is chosen -----------------------------------------------------------------------------

// Whether a dataset is read where it lies.
bool measured_in_place(const BenchCommand& command);
// In the order of reports; of a dataset in place those that read it, and no writing.
std::vector<const Backend*> chosen_backends(const BenchCommand& command);
std::vector<std::string> chosen_workloads(const BenchCommand& command);
// Workloads that may be left out where there is no time for them: those that nobody has named.
std::vector<std::string> dispensable_workloads(const BenchCommand& command);
// Throws Error (exit 2) when the run will have no row for it.
void need_measured(const Requirement& requirement, const BenchCommand& command);

// ---- what is printed ----------------------------------------------------------------------------

std::string bench_head(const BenchResults& results, int width);
// A table for each mount and load; below 56 columns one for each workload.
std::string bench_tables(const BenchResults& results, int width);
// A line of what was left out, and of time, disk and noise.
std::string bench_end(const BenchResults& results, int width);
// What --goals, --baseline and --require found; each is empty where it was not asked for.
std::string goals_table(const BenchChecks& checks, const BenchResults& results, int width);
std::string changes_table(const BenchChecks& checks, int width);
std::string requirement_lines(const BenchChecks& checks);
// The estimate of --footprint with its sources; empty without one.
std::string footprint_text(const BenchResults& results, int width);
// What the run did to each device (--io-profile); empty without profiles.
std::string io_profile_text(const BenchResults& results, int width);
// Bars of the shuffled rates on a log axis.
std::string bench_chart(const BenchResults& results, int width);

// ---- files ----------------------------------------------------------------------------------------

std::string bench_json(const BenchResults& results, const BenchChecks& checks);
// Options, machine, versions, mounts and rows of such a text, and of a file that holds one. Throws Error (exit 3) when it
// is something else.
BenchResults results_of_report(const std::string& text);
BenchResults read_baseline(const std::string& path);
// How the medians have changed: a row for each that both runs have.
std::vector<BaselineChange> changes_since(const BenchResults& old, const BenchResults& results);
// Options, machine, mounts and versions that differ. Of two reports with options.
std::vector<BaselineDifference> differences_since(const BenchResults& old, const BenchResults& results);
// All three parts of --baseline.
void hold_against(const BenchResults& old, const BenchResults& results, BenchChecks& checks);
// A page that needs no other file: tables, and plots as SVG.
std::string bench_html(const BenchResults& results, const BenchChecks& checks);

// What both the tables and the page write.
std::string io_profile_sentence(const IoProfile& profile);
std::vector<HistogramBin> requests_by_size(const IoProfile& profile, IoWay way);  // sizes that occur
std::string bare_text(const GoalResult& goal);            // "copy 282.10"; empty without a yardstick
std::string bare_sentence(const BenchChecks& checks);     // what that is, and how many goals were out of its reach
std::string not_measured_sentence(const BenchChecks& checks, const BenchResults& results);  // how many goals this run says nothing of; empty for none
std::string bench_rate(double v);       // "12.3 M"
std::string bench_time(double seconds);  // "77 ns"
// In the largest of the stores.
std::uint64_t bench_most_molecules(const BenchResults& results, const std::string& dir, const std::string& load);
// "lmdb", or "lmdb (1.02 k)" where its store took too long to write and holds fewer than `all` molecules, as the largest
// one has; kShortStores explains the mark.
std::string bench_backend(const BenchRow& row, std::uint64_t all);
inline constexpr std::string_view kShortStores = "(N): it holds the first N molecules, as many as it could write in its share of the time; there is no ratio where these are of another size";
std::string bench_value(const BenchRow& row, double v);
std::string bench_number(double v);                      // "580", "5.8", "< 0.001"
std::string bench_interval(const BenchRow& row);         // "390 .. 410"; empty of too few trials
std::string few_trials_sentence(const BenchResults& results);  // why some rows have no interval; empty when all have
// Why a run took much longer than it was to; empty when it did not.
std::string overrun_sentence(const BenchResults& results, double asked);
std::string differences_text(const BenchChecks& checks);  // a line each; empty when nothing differs
std::string bench_load_name(const std::string& load);    // "64 atoms", "dataset"
std::string bench_ratio(double ratio);
std::vector<std::pair<std::string, std::string>> bench_groups(const BenchResults& results);  // (dir, load) in order

}  // namespace atp

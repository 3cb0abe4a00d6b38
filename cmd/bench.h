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
struct BaselineChange {
  std::string dir, load, workload, backend;
  double ratio;              // of the medians, now over then
  Interval interval;         // 95 %
  std::string_view verdict;  // better, worse or same: where the interval holds 1
};

// What a run was held against.
struct BenchChecks {
  bool with_goals = false, with_baseline = false;
  std::vector<GoalResult> goals;            // --goals
  std::vector<BaselineChange> changes;      // --baseline
  std::vector<RequirementResult> required;  // --require

  bool all_met() const;  // of what is required
};

// The command. Returns ok, or no when a --require is missed; throws Error.
Exit bench(const BenchCommand& command);

// ---- what is printed ----------------------------------------------------------------------------

std::string bench_head(const BenchResults& results);
// A table for each mount and load; below 56 columns one for each workload.
std::string bench_tables(const BenchResults& results, int width);
// A line of what was left out, and of time, disk and noise.
std::string bench_end(const BenchResults& results);
// What --goals, --baseline and --require found; each is empty where it was not asked for.
std::string goals_table(const BenchChecks& checks);
std::string changes_table(const BenchChecks& checks);
std::string requirement_lines(const BenchChecks& checks);
// The estimate of --footprint with its sources; empty without one.
std::string footprint_text(const BenchResults& results);
// What the run did to each device (--io-profile); empty without profiles.
std::string io_profile_text(const BenchResults& results, int width);
// Bars of the shuffled rates on a log axis.
std::string bench_chart(const BenchResults& results, int width);

// ---- files ----------------------------------------------------------------------------------------

std::string bench_json(const BenchResults& results, const BenchChecks& checks);
// The rows of such a text, and of a file that holds one. Throws Error (exit 3) when it is something else.
std::vector<BenchRow> rows_of_report(const std::string& text);
std::vector<BenchRow> read_baseline(const std::string& path);
// How the medians have changed: a row for each that both runs have.
std::vector<BaselineChange> changes_since(const std::vector<BenchRow>& old, const BenchResults& results);
// A page that needs no other file: tables, and plots as SVG.
std::string bench_html(const BenchResults& results, const BenchChecks& checks);

// What both the tables and the page write.
std::string io_profile_sentence(const IoProfile& profile);
std::vector<HistogramBin> requests_by_size(const IoProfile& profile, IoWay way);  // sizes that occur
std::string not_measured_sentence(const BenchChecks& checks);  // how many goals this run says nothing of; empty for none
std::string bench_rate(double v);       // "12.3 M"
std::string bench_time(double seconds);  // "77 ns"
std::string bench_value(const BenchRow& row, double v);
std::string bench_number(double v);                      // "580", "5.8", "< 0.001"
std::string bench_interval(const BenchRow& row);         // "390 .. 410"; empty of a single value
std::string bench_load_name(const std::string& load);    // "64 atoms", "dataset"
std::string bench_ratio(double ratio);
std::vector<std::pair<std::string, std::string>> bench_groups(const BenchResults& results);  // (dir, load) in order

}  // namespace atp

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
  bool atoms_given = false;
  bool custom = false;
  bool force = false;
  std::string like;
  std::vector<std::string> backends, workloads;  // empty: the usual ones
  std::vector<int> workers = {1, 2, 4, 8};
  std::optional<std::uint64_t> trials, batch;
  double seconds = 90;
  std::uint64_t seed = 0;
  std::string io = "auto";
  bool json = false;
  std::string html, baseline;
  std::vector<std::string> require;
  bool goals = false, footprint = false, io_profile = false;
  std::string grid = "world";
};

// The command. Returns ok, or no when a --require is missed; throws Error.
Exit bench(const BenchCommand& command);

// ---- what is printed ----------------------------------------------------------------------------

std::string bench_head(const BenchResults& results);
// A table for each mount and load.
std::string bench_tables(const BenchResults& results);
// A line of what was left out, and of time, disk and noise.
std::string bench_end(const BenchResults& results);
// What --goals and --require found.
std::string goals_table(const std::vector<GoalResult>& goals);
std::string requirement_lines(const Requirement& requirement, const std::vector<RequirementResult>& found);
// The estimate of --footprint with its sources; empty without one.
std::string footprint_text(const BenchResults& results);
// What the run did to each device (--io-profile); empty without profiles.
std::string io_profile_text(const BenchResults& results, int width);
// Bars of the shuffled rates on a log axis.
std::string bench_chart(const BenchResults& results, int width);

// ---- files ----------------------------------------------------------------------------------------

std::string bench_json(const BenchResults& results);
// The rows of such a text, and of a file that holds one. Throws Error (exit 3) when it is something else.
std::vector<BenchRow> rows_of_report(const std::string& text);
std::vector<BenchRow> read_baseline(const std::string& path);
// How the medians have changed, with intervals.
std::string compare_with_baseline(const BenchResults& results, const std::vector<BenchRow>& old);
// A page that needs no other file: tables, and plots as SVG.
std::string bench_html(const BenchResults& results, const std::vector<GoalResult>& goals);

// What both the tables and the page write.
std::string io_profile_sentence(const IoProfile& profile);
std::vector<HistogramBin> reads_by_size(const IoProfile& profile);  // sizes that occur
std::string bench_rate(double v);       // "12.3 M"
std::string bench_time(double seconds);  // "77 ns"
std::string bench_value(const BenchRow& row, double v);
std::string bench_ratio(double ratio);
std::vector<std::pair<std::string, std::string>> bench_groups(const BenchResults& results);  // (dir, load) in order

}  // namespace atp

#include "cmd/bench_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cmd/bench.h"
#include "cmd/terminal.h"

namespace atp {

std::vector<TogetherRow> rows_together(Ranks& ranks, const BenchResults& mine) {
  std::vector<std::vector<BenchRow>> all;
  for (const std::string& text : ranks.exchange(bench_json(mine, {}))) all.push_back(results_of_report(text).rows);
  std::vector<TogetherRow> rows;
  for (const BenchRow& row : all[0]) {
    if (!row.problem.empty() || row.unit != BenchUnit::molecules_per_second) continue;
    std::vector<double> medians;
    for (const auto& theirs : all) {
      if (const BenchRow* same = find_row(theirs, row.dir, row.load, row.backend, row.workload)) medians.push_back(same->median);
    }
    const auto [slowest, fastest] = std::minmax_element(medians.begin(), medians.end());
    rows.push_back({row.dir, row.load, row.workload, row.backend, medians.size(), std::accumulate(medians.begin(), medians.end(), 0.0), *slowest, *fastest});
  }
  return rows;
}

std::string together_table(const BenchResults& results) {
  if (results.together.empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"dir", "load", "workload", "backend", "processes", "together/s", "slowest/s", "fastest/s"}};
  std::size_t most = 0;
  for (const TogetherRow& r : results.together) {
    rows.push_back({printable(r.dir), r.load, r.workload, r.backend, std::to_string(r.processes), bench_rate(r.sum), bench_rate(r.slowest), bench_rate(r.fastest)});
    most = std::max(most, r.processes);
  }
  return styled(fmt::format("\n{} processes, measuring at the same time\n", most), Style::bold) + table(rows, {false, false, false, false, true, true, true, true});
}

}  // namespace atp

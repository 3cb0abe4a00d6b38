#include "cmd/bench_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cmd/bench.h"
#include "cmd/terminal.h"

namespace atp {

std::string ranks_table(Ranks& ranks, const BenchResults& mine) {
  std::vector<std::vector<BenchRow>> all;
  for (const std::string& text : ranks.exchange(bench_json(mine))) all.push_back(rows_of_report(text));
  std::vector<std::vector<std::string>> rows = {{"dir", "load", "workload", "backend", "processes", "together/s", "slowest/s", "fastest/s"}};
  for (const BenchRow& row : all[0]) {
    if (!row.problem.empty() || row.unit != BenchUnit::molecules_per_second) continue;
    std::vector<double> medians;
    for (const auto& theirs : all) {
      if (const BenchRow* same = find_row(theirs, row.dir, row.load, row.backend, row.workload)) medians.push_back(same->median);
    }
    const auto [slowest, fastest] = std::minmax_element(medians.begin(), medians.end());
    rows.push_back({printable(row.dir), row.load, row.workload, row.backend, std::to_string(medians.size()), bench_rate(std::accumulate(medians.begin(), medians.end(), 0.0)), bench_rate(*slowest), bench_rate(*fastest)});
  }
  return styled(fmt::format("\n{} processes, measuring at the same time\n", ranks.size()), Style::bold) + table(rows, {false, false, false, false, true, true, true, true});
}

}  // namespace atp

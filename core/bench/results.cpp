#include "core/bench/results.h"

#include <cmath>
#include <limits>

#include "core/bench/serve.h"

namespace atp {
namespace {

constexpr double kNearlyAsLarge = 0.1;

}  // namespace

double BenchRow::latency_at(double share) const {
  for (std::size_t i = 0; i < latency.size(); ++i) {
    if (kLatencyShares[i] == share) return latency[i];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

void summarise(BenchRow& row) {
  row.median = median(row.values);
  row.interval = median_interval(row.values);
  row.spread = spread(row.values);
}

bool comparable(const BenchRow& a, const BenchRow& b) {
  if (a.workload == "write") return a.per_trial == b.per_trial;
  return a.unit != BenchUnit::molecules_per_second || std::abs(a.payload - b.payload) <= kNearlyAsLarge * std::max(a.payload, b.payload);
}

double advantage(const BenchRow& better, const BenchRow& worse) {
  return better.unit == BenchUnit::molecules_per_second ? better.median / worse.median : worse.median / better.median;
}

void compare_with_atp(std::vector<BenchRow>& rows) {
  for (BenchRow& row : rows) {
    const BenchRow* atp = find_row(rows, row.dir, row.load, "atp", row.workload);
    if (!atp || !row.problem.empty()) continue;
    if (!comparable(row, *atp)) continue;
    row.ratio_to_atp = advantage(*atp, row);
    row.ratio_interval = row.unit == BenchUnit::molecules_per_second ? ratio_interval(atp->values, row.values) : ratio_interval(row.values, atp->values);
  }
}

const BenchRow* find_row(const std::vector<BenchRow>& rows, std::string_view dir, std::string_view load, std::string_view backend, std::string_view workload) {
  for (const BenchRow& row : rows) {
    if (row.problem.empty() && row.dir == dir && row.load == load && row.backend == backend && row.workload == workload) return &row;
  }
  return nullptr;
}

}  // namespace atp

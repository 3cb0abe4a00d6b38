#include "core/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/plan/random.h"

namespace atp {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Draws from values with repetition and tells the median of what it drew.
class Resampler {
 public:
  Resampler(std::span<const double> values, std::uint64_t seed, std::uint64_t stream)
      : values_(values), drawn_(values.size()), random_(seed, 0, Purpose::bootstrap, stream) {}

  double next() {
    for (auto& d : drawn_) d = values_[random_.below(values_.size())];
    std::sort(drawn_.begin(), drawn_.end());
    return percentile(drawn_, 0.5);
  }

 private:
  std::span<const double> values_;
  std::vector<double> drawn_;
  Random random_;
};

Interval middle_of(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return {percentile(values, 0.025), percentile(values, 0.975)};
}

}  // namespace

double percentile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return kNaN;
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return percentile(sorted, 0.5);
}

double spread(std::span<const double> values) {
  if (values.size() < 2) return 0;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return (percentile(sorted, 0.75) - percentile(sorted, 0.25)) / percentile(sorted, 0.5);
}

Interval median_interval(std::span<const double> values, std::uint64_t seed) {
  if (values.size() < kFewestForInterval) return {kNaN, kNaN};
  Resampler draw(values, seed, 0);
  std::vector<double> medians(kResamples);
  for (auto& m : medians) m = draw.next();
  return middle_of(medians);
}

Interval ratio_interval(std::span<const double> a, std::span<const double> b, std::uint64_t seed) {
  if (std::min(a.size(), b.size()) < kFewestForInterval) return {kNaN, kNaN};
  Resampler draw_a(a, seed, 0), draw_b(b, seed, 1);
  std::vector<double> ratios(kResamples);
  for (auto& r : ratios) {
    const double over = draw_a.next();
    r = over / draw_b.next();
  }
  return middle_of(ratios);
}

}  // namespace atp

// What repeated measurements say: medians, percentiles and how sure they are.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atp {

struct Interval {
  double low = 0, high = 0;  // NaN: not known
  bool known() const { return !std::isnan(low) && !std::isnan(high); }
};

// The value below which a share `p` (0 to 1) of the values lie, interpolated between neighbours (type 7 of Hyndman and
// Fan, The American Statistician 50, 1996). `sorted` ascends; NaN when it is empty.
double percentile(std::span<const double> sorted, double p);

// NaN of no values.
double median(std::span<const double> values);

// (third quartile - first quartile) / median: how much the values differ. 0 of fewer than two.
double spread(std::span<const double> values);

// The percentile bootstrap (Efron, The Annals of Statistics 7, 1979): the middle 95 % of the medians of `kResamples`
// random draws of as many values, with repetition. The same values and seed give the same interval. Not known of fewer than
// kFewestForInterval: one or two values do not tell how much others would differ.
inline constexpr int kResamples = 2000;
inline constexpr std::size_t kFewestForInterval = 3;
Interval median_interval(std::span<const double> values, std::uint64_t seed = 0);

// The same for median(a) / median(b), both drawn anew each time; not known where one of them has too few.
Interval ratio_interval(std::span<const double> a, std::span<const double> b, std::uint64_t seed = 0);

}  // namespace atp

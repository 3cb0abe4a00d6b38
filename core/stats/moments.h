// Minimum, mean, maximum and standard deviation of a stream of numbers.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace atp {

// One thread. Merged in a fixed order the result is the same for any number of threads.
class Moments {
 public:
  void add(double v);
  // All finite numbers of `values`, by two passes: exact where one pass with a running mean is not,
  // and without a division for each number.
  void add(std::span<const double> values);
  void merge(const Moments& other);

  std::uint64_t count() const { return count_; }
  // Meaningless while count() is 0.
  double min() const { return min_; }
  double max() const { return max_; }
  double mean() const { return mean_; }
  double std() const;  // of the population, as numpy.std
  double root_mean_square() const;

 private:
  std::uint64_t count_ = 0;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  double mean_ = 0;
  double squares_ = 0;  // sum of squared distances from the mean
};

}  // namespace atp

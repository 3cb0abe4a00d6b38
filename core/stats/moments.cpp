#include "core/stats/moments.h"

#include <algorithm>
#include <cmath>

namespace atp {

void Moments::add(double v) {
  ++count_;
  min_ = std::min(min_, v);
  max_ = std::max(max_, v);
  const double delta = v - mean_;
  mean_ += delta / static_cast<double>(count_);
  squares_ += delta * (v - mean_);
}

void Moments::add(std::span<const double> values) {
  Moments here;
  double sum = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    ++here.count_;
    sum += v;
    here.min_ = std::min(here.min_, v);
    here.max_ = std::max(here.max_, v);
  }
  if (here.count_ == 0) return;
  here.mean_ = sum / static_cast<double>(here.count_);
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    here.squares_ += (v - here.mean_) * (v - here.mean_);
  }
  merge(here);
}

// Chan, Golub, LeVeque 1979: two sets of moments become those of the union.
void Moments::merge(const Moments& other) {
  if (other.count_ == 0) return;
  const double mine = static_cast<double>(count_), theirs = static_cast<double>(other.count_), all = mine + theirs;
  const double delta = other.mean_ - mean_;
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  mean_ += delta * (theirs / all);
  squares_ += other.squares_ + delta * delta * (mine * theirs / all);
}

double Moments::std() const { return std::sqrt(squares_ / static_cast<double>(count_)); }

double Moments::root_mean_square() const { return std::sqrt(squares_ / static_cast<double>(count_) + mean_ * mean_); }

}  // namespace atp

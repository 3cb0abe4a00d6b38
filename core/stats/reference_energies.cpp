#include "core/stats/reference_energies.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/stats/symmetric_eigen.h"

namespace atp {
namespace {

using Real = long double;

// Eigenvalues of Σ c cᵀ below this part of the largest are zero. Compositions are integers: what is
// independent stays far above it, what is not leaves rounding errors far below.
constexpr Real kZero = 1e-16L;

struct Solution {
  std::vector<Real> x;
  std::size_t rank;
};

// The x of least norm among those that minimise |matrix x - right|.
Solution least_norm_solution(const std::vector<Real>& matrix, const std::vector<Real>& right) {
  const std::size_t n = right.size();
  const SymmetricEigen eigen = symmetric_eigen(matrix, n);
  const Real largest = n == 0 ? 0 : *std::ranges::max_element(eigen.values);
  Solution solution{std::vector<Real>(n, 0), 0};
  for (std::size_t k = 0; k < n; ++k) {
    if (!(eigen.values[k] > kZero * largest)) continue;
    ++solution.rank;
    Real along = 0;
    for (std::size_t i = 0; i < n; ++i) along += eigen.vectors[i * n + k] * right[i];
    along /= eigen.values[k];
    for (std::size_t i = 0; i < n; ++i) solution.x[i] += along * eigen.vectors[i * n + k];
  }
  return solution;
}

}  // namespace

std::size_t ReferenceFit::column(std::uint8_t element) {
  if (columns_.empty()) columns_.assign(256, -1);
  if (columns_[element] < 0) {
    columns_[element] = static_cast<std::int16_t>(elements_.size());
    elements_.push_back(element);
    if (elements_.size() > width_) widen(std::max<std::size_t>(8, 2 * width_));
  }
  return static_cast<std::size_t>(columns_[element]);
}

void ReferenceFit::widen(std::size_t columns) {
  for (std::vector<Real>* m : {&cc_, &ff_}) {
    std::vector<Real> wider(columns * columns, 0);
    for (std::size_t i = 0; i < width_; ++i) std::copy_n(m->data() + i * width_, width_, wider.data() + i * columns);
    *m = std::move(wider);
  }
  for (std::vector<Real>* v : {&cy_, &fz_, &f_}) v->resize(columns, 0);
  width_ = columns;
}

void ReferenceFit::add(std::span<const ElementCount> composition, double energy) {
  Real n = 0, y = energy;
  scratch_.clear();
  for (const auto& [element, atoms] : composition) {
    n += atoms;
    if (element < guess_.size()) y -= static_cast<Real>(guess_[element]) * atoms;
    scratch_.push_back(column(element));
  }
  const Real per_atom = 1 / n, z = y * per_atom;
  for (std::size_t a = 0; a < composition.size(); ++a) {
    const std::size_t i = scratch_[a];
    const Real c = composition[a].atoms, f = c * per_atom;
    cy_[i] += c * y;
    fz_[i] += f * z;
    f_[i] += f;
    for (std::size_t b = 0; b < composition.size(); ++b) {
      const Real other = composition[b].atoms;
      cell(cc_, i, scratch_[b]) += c * other;
      cell(ff_, i, scratch_[b]) += f * (other * per_atom);
    }
  }
  z_ += z;
  zz_ += z * z;
  ++records_;
}

void ReferenceFit::merge(const ReferenceFit& other) {
  scratch_.clear();
  for (const std::uint8_t element : other.elements_) scratch_.push_back(column(element));
  for (std::size_t a = 0; a < scratch_.size(); ++a) {
    const std::size_t i = scratch_[a];
    cy_[i] += other.cy_[a];
    fz_[i] += other.fz_[a];
    f_[i] += other.f_[a];
    for (std::size_t b = 0; b < scratch_.size(); ++b) {
      cell(cc_, i, scratch_[b]) += other.cc_[a * other.width_ + b];
      cell(ff_, i, scratch_[b]) += other.ff_[a * other.width_ + b];
    }
  }
  z_ += other.z_;
  zz_ += other.zz_;
  records_ += other.records_;
}

std::optional<ReferenceEnergies> ReferenceFit::solve() const {
  if (records_ == 0) return std::nullopt;
  const std::size_t n = elements_.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return elements_[i]; });

  std::vector<Real> cc(n * n), cy(n);
  for (std::size_t a = 0; a < n; ++a) {
    cy[a] = cy_[order[a]];
    for (std::size_t b = 0; b < n; ++b) cc[a * n + b] = cc_[order[a] * width_ + order[b]];
  }
  const Solution solution = least_norm_solution(cc, cy);

  const Real count = static_cast<Real>(records_);
  Real mean = z_, squares = zz_;
  for (std::size_t a = 0; a < n; ++a) {
    const std::size_t i = order[a];
    mean -= solution.x[a] * f_[i];
    squares -= 2 * solution.x[a] * fz_[i];
    for (std::size_t b = 0; b < n; ++b) squares += solution.x[a] * solution.x[b] * ff_[i * width_ + order[b]];
  }
  mean /= count;

  ReferenceEnergies result;
  result.rank = solution.rank;
  result.records = records_;
  result.mean = static_cast<double>(mean);
  result.std = static_cast<double>(std::sqrt(std::max<Real>(0, squares / count - mean * mean)));
  for (std::size_t a = 0; a < n; ++a) {
    const std::uint8_t element = elements_[order[a]];
    const Real guess = element < guess_.size() ? guess_[element] : 0;
    result.elements.push_back(element);
    result.e0.push_back(static_cast<double>(guess + solution.x[a]));
  }
  return result;
}

std::vector<double> ReferenceFit::as_guess(const std::optional<ReferenceEnergies>& fit) {
  std::vector<double> guess(256, 0);
  if (!fit) return guess;
  for (std::size_t a = 0; a < fit->elements.size(); ++a) guess[fit->elements[a]] = fit->e0[a];
  return guess;
}

}  // namespace atp

#include "core/stats/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace atp {
namespace {

using Real = long double;

// The rotation that makes a(p, q) zero.
void rotate(std::vector<Real>& a, std::vector<Real>& vectors, std::size_t n, std::size_t p, std::size_t q) {
  const Real theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  const Real t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const Real c = 1 / std::sqrt(t * t + 1), s = t * c;
  for (std::size_t k = 0; k < n; ++k) {
    const Real kp = a[k * n + p], kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const Real pk = a[p * n + k], qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const Real kp = vectors[k * n + p], kq = vectors[k * n + q];
    vectors[k * n + p] = c * kp - s * kq;
    vectors[k * n + q] = s * kp + c * kq;
  }
  a[p * n + q] = a[q * n + p] = 0;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<Real> a, std::size_t n) {
  SymmetricEigen result;
  result.vectors.assign(n * n, 0);
  for (std::size_t k = 0; k < n; ++k) result.vectors[k * n + k] = 1;

  // What is left off the diagonal shall not show beside the two eigenvalues it mixes, nor, where
  // these are zero, beside the largest. Convergence is quadratic: ten sweeps do for any size.
  constexpr Real eps = std::numeric_limits<Real>::epsilon();
  Real trace = 0;
  for (std::size_t k = 0; k < n; ++k) trace += std::abs(a[k * n + k]);
  for (int sweep = 0; sweep < 60; ++sweep) {
    bool rotated = false;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        const Real size = std::sqrt(std::abs(a[p * n + p]) * std::abs(a[q * n + q]));
        if (!(std::abs(a[p * n + q]) > eps * std::max(size, eps * trace))) continue;
        rotate(a, result.vectors, n, p, q);
        rotated = true;
      }
    if (!rotated) break;
  }
  result.values.resize(n);
  for (std::size_t k = 0; k < n; ++k) result.values[k] = a[k * n + k];
  return result;
}

}  // namespace atp

// Eigenvalues and eigenvectors of small symmetric matrices.
#pragma once

#include <cstddef>
#include <vector>

namespace atp {

struct SymmetricEigen {
  std::vector<long double> values;   // [n], in no order
  std::vector<long double> vectors;  // [n, n], column k belongs to values[k]
};

// Cyclic Jacobi rotations: slow beyond a few hundred rows, and as exact as the numbers allow.
// `matrix` is [n, n], row-major.
SymmetricEigen symmetric_eigen(std::vector<long double> matrix, std::size_t n);

}  // namespace atp

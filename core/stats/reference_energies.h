// Reference energies of the elements (E0s): least squares of total energies over compositions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace atp {

// How many atoms of an element a record has.
struct ElementCount {
  std::uint8_t element;  // atomic number
  std::uint32_t atoms;
};

// The fit: E ≈ Σ atoms · e0.
struct ReferenceEnergies {
  std::vector<std::uint8_t> elements;  // ascending
  std::vector<double> e0;              // eV, for each element
  std::size_t rank = 0;                // below elements.size() the fit is not unique; e0 has minimum norm
  std::uint64_t records = 0;
  double mean = 0, std = 0;  // eV/atom, of (E - Σ atoms · e0) / n over records
};

// Sums that the fit is solved from: memory O(elements²), whatever the number of records. One thread;
// merged in a fixed order the result is the same for any number of threads.
//
// Energies are taken relative to `guess` (e0 by atomic number, empty for zeros), which all parts that are
// merged must share. With a guess near the solution nothing cancels in the sums, so the residuals
// come out as exact as from a second pass. Where the fit is not unique, the result has minimum
// norm if the guess is itself a minimum-norm fit of some of the records.
class ReferenceFit {
 public:
  explicit ReferenceFit(std::vector<double> guess = {}) : guess_(std::move(guess)) {}

  // A record of at least one atom, each element once. The energy is finite.
  void add(std::span<const ElementCount> composition, double energy);
  void merge(const ReferenceFit& other);

  std::uint64_t records() const { return records_; }
  // Nothing without records.
  std::optional<ReferenceEnergies> solve() const;

  // The solution by atomic number, to be a guess for more of the same data.
  static std::vector<double> as_guess(const std::optional<ReferenceEnergies>& fit);

 private:
  using Real = long double;

  std::size_t column(std::uint8_t element);
  void widen(std::size_t columns);
  Real& cell(std::vector<Real>& matrix, std::size_t i, std::size_t j) { return matrix[i * width_ + j]; }

  std::vector<double> guess_;
  std::uint64_t records_ = 0;
  std::vector<std::uint8_t> elements_;  // by column, in order of appearance
  std::vector<std::int16_t> columns_;   // by atomic number; -1: none yet
  std::size_t width_ = 0;               // row length of the matrices, at least elements_.size()

  // With c the composition, n its sum, y the energy above the guess:
  std::vector<Real> cc_, cy_;      // Σ c cᵀ, Σ c y: the normal equations
  std::vector<Real> ff_, fz_, f_;  // Σ f fᵀ, Σ f z, Σ f with f = c/n, z = y/n: moments of the residuals
  Real z_ = 0, zz_ = 0;            // Σ z, Σ z²
  std::vector<std::size_t> scratch_;
};

}  // namespace atp

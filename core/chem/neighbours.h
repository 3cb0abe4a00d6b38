// Counts the neighbours that a model with a cutoff would see: linked cells, periodic images included.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace atp {

// One thread. Keeps its memory, so counting again allocates nothing once it has seen the largest
// structure.
class NeighbourCounter {
 public:
  // The directed edges i -> (j, image) shorter than `cutoff`, as ASE's neighbor_list counts them: an
  // atom's own images count, the atom itself does not, and images at any distance are seen however
  // small the cell. Atoms may lie outside of the cell. O(n) at a given density.
  //
  // positions [3n] and cell in Å; the rows of `cell` are lattice vectors, looked at only along
  // periodic directions. `cutoff` is positive and finite.
  //
  // Nothing when the question has no answer: the periodic directions span no volume, or a number is
  // not finite (or beyond 1e100). Throws Error (exit 3, without a place) when it would compare more than
  // kMostComparisons pairs, or, in a periodic cell, find clearly more than 2^32.
  std::optional<std::uint64_t> count(std::span<const double> positions, const std::array<double, 9>& cell,
                                     const std::array<bool, 3>& pbc, double cutoff);

  // Seconds of work, far beyond any neighbour list that would fit in memory.
  static constexpr double kMostComparisons = 2e10;

 private:
  using Vec = std::array<double, 3>;

  bool set_axes(const std::array<double, 9>& cell);
  void place_atoms(std::span<const double> positions);
  void choose_bins(std::size_t n);
  void sort_into_bins(std::size_t n);
  std::uint64_t count_around(const std::array<std::int64_t, 3>& bin, const std::array<std::int64_t, 3>& offset);
  std::uint64_t count_within_bin(std::size_t bin) const;
  std::uint64_t count_between(std::size_t a, std::size_t b, const Vec& shift) const;
  void spend(double comparisons);
  void refuse_too_many(std::size_t n);

  std::array<bool, 3> pbc_{};
  double cutoff_ = 0;
  double compared_ = 0;
  double next_look_ = 0;  // for signals, in comparisons
  std::array<Vec, 3> axes_{};        // lattice vectors; unit vectors normal to them where not periodic
  std::array<Vec, 3> reciprocal_{};  // reciprocal_[i] · axes_[j] = δij
  Vec low_{}, length_{};             // range of the scaled coordinates: [0, 1) where periodic
  std::array<std::int64_t, 3> bins_{}, reach_{};

  std::vector<double> xyz_, scaled_;  // wrapped atoms, [n, 3]
  std::vector<double> x_, y_, z_;     // the same by bin
  std::vector<std::uint32_t> bin_of_;
  std::vector<std::uint32_t> starts_;  // [bins + 1]: where each bin begins in x_, y_, z_
};

}  // namespace atp

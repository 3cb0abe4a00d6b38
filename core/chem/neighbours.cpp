#include "core/chem/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr double kComparisonsBetweenLooks = 2e7;  // for signals
constexpr double kHopeless = 1.25;                // times as many edges as a record can have, as far as they can be foreseen
using Vec = std::array<double, 3>;

// Atoms sit in bins by rounded coordinates, so a bin is held a hair wider than the cutoff.
constexpr double kSlack = 1 + 1e-9;

double dot(const Vec& a, const Vec& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vec cross(const Vec& a, const Vec& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double norm(const Vec& a) { return std::sqrt(dot(a, a)); }

Vec scaled_by(const Vec& a, double f) { return {a[0] * f, a[1] * f, a[2] * f}; }

Vec unit(const Vec& a) { return scaled_by(a, 1 / norm(a)); }

// Some unit vector normal to `a`: crossed with the axis it is least along.
Vec any_normal(const Vec& a) {
  std::size_t least = 0;
  for (std::size_t k = 1; k < 3; ++k)
    if (std::abs(a[k]) < std::abs(a[least])) least = k;
  Vec e{};
  e[least] = 1;
  return unit(cross(a, e));
}

// Products of three such numbers are finite, too; no atom is that far away. False for NaN.
bool all_usable(std::span<const double> values) {
  return std::ranges::all_of(values, [](double v) { return std::abs(v) <= 1e100; });
}

}  // namespace

// Directions that are not periodic get unit vectors normal to all periodic ones: shifting by a
// lattice vector then never moves an atom along them, and their scaled coordinate is a length.
bool NeighbourCounter::set_axes(const std::array<double, 9>& cell) {
  int periodic = 0;
  double longest = 1;
  for (std::size_t k = 0; k < 3; ++k) {
    axes_[k] = pbc_[k] ? Vec{cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]} : Vec{};
    if (!pbc_[k]) continue;
    ++periodic;
    if (!all_usable(axes_[k]) || !(norm(axes_[k]) > 0)) return false;
    longest *= norm(axes_[k]);
  }
  if (periodic == 0) {
    axes_ = {Vec{1, 0, 0}, Vec{0, 1, 0}, Vec{0, 0, 1}};
  } else if (periodic == 1) {
    const std::size_t p = pbc_[0] ? 0 : pbc_[1] ? 1 : 2;
    axes_[(p + 1) % 3] = any_normal(axes_[p]);
    axes_[(p + 2) % 3] = unit(cross(axes_[p], axes_[(p + 1) % 3]));
  } else if (periodic == 2) {
    const std::size_t open = !pbc_[0] ? 0 : !pbc_[1] ? 1 : 2;
    const Vec normal = cross(axes_[(open + 1) % 3], axes_[(open + 2) % 3]);
    if (!(norm(normal) > 0)) return false;
    axes_[open] = unit(normal);
  }
  const double volume = dot(axes_[0], cross(axes_[1], axes_[2]));
  // Flatter than this, images pile up without end and scaled coordinates mean nothing.
  if (!std::isfinite(volume) || std::abs(volume) <= 1e-9 * longest) return false;
  for (std::size_t k = 0; k < 3; ++k)
    reciprocal_[k] = scaled_by(cross(axes_[(k + 1) % 3], axes_[(k + 2) % 3]), 1 / volume);
  return true;
}

// Wraps atoms into the cell along periodic directions, which leaves the set of edges as it is.
void NeighbourCounter::place_atoms(std::span<const double> positions) {
  const std::size_t n = positions.size() / 3;
  xyz_.assign(positions.begin(), positions.end());
  scaled_.resize(3 * n);
  constexpr double inf = std::numeric_limits<double>::infinity();
  Vec low{inf, inf, inf}, high{-inf, -inf, -inf};
  for (std::size_t i = 0; i < n; ++i) {
    double* p = &xyz_[3 * i];
    const Vec r{p[0], p[1], p[2]};
    for (std::size_t k = 0; k < 3; ++k) {
      double s = dot(reciprocal_[k], r);
      if (pbc_[k]) {
        const double turns = std::floor(s);
        s -= turns;
        if (turns != 0)
          for (std::size_t c = 0; c < 3; ++c) p[c] -= turns * axes_[k][c];
      }
      scaled_[3 * i + k] = s;
      low[k] = std::min(low[k], s);
      high[k] = std::max(high[k], s);
    }
  }
  for (std::size_t k = 0; k < 3; ++k) {
    low_[k] = pbc_[k] ? 0 : low[k];
    length_[k] = pbc_[k] ? 1 : high[k] - low[k];
  }
}

// Bins as wide as the cutoff, but not many more than atoms; a cell smaller than the cutoff is one
// bin that is visited once for each image in reach.
void NeighbourCounter::choose_bins(std::size_t n) {
  std::array<double, 3> height;  // of the binned range, Å
  for (std::size_t k = 0; k < 3; ++k) height[k] = length_[k] / norm(reciprocal_[k]);
  std::array<double, 3> wanted;
  double room = 2.0 * static_cast<double>(n) + 8;
  for (std::size_t k = 0; k < 3; ++k) wanted[k] = std::clamp(std::floor(height[k] / (cutoff_ * kSlack)), 1.0, room);
  while (wanted[0] * wanted[1] * wanted[2] > room) {
    auto& most = *std::ranges::max_element(wanted);
    most = std::max(1.0, std::floor(most / 1.25));
  }
  double visits = static_cast<double>(n);
  for (std::size_t k = 0; k < 3; ++k) {
    double reach = std::ceil(cutoff_ * kSlack * wanted[k] / height[k]);
    if (!pbc_[k]) reach = std::min(std::isnan(reach) ? 0 : reach, wanted[k] - 1);
    visits *= 2 * reach + 1;
    bins_[k] = static_cast<std::int64_t>(wanted[k]);
    reach_[k] = static_cast<std::int64_t>(std::min(reach, 1e12));
  }
  if (visits > kMostComparisons) spend(visits);
  refuse_too_many(n);
}

void NeighbourCounter::sort_into_bins(std::size_t n) {
  const auto total = static_cast<std::size_t>(bins_[0] * bins_[1] * bins_[2]);
  bin_of_.resize(n);
  starts_.assign(total + 1, 0);
  for (std::size_t i = 0; i < n; ++i) {
    std::int64_t bin = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double part = length_[k] > 0 ? (scaled_[3 * i + k] - low_[k]) / length_[k] : 0;
      const auto b = static_cast<std::int64_t>(part * static_cast<double>(bins_[k]));
      bin = bin * bins_[k] + std::clamp<std::int64_t>(b, 0, bins_[k] - 1);
    }
    bin_of_[i] = static_cast<std::uint32_t>(bin);
    ++starts_[static_cast<std::size_t>(bin) + 1];
  }
  for (std::size_t b = 0; b < total; ++b) starts_[b + 1] += starts_[b];
  x_.resize(n), y_.resize(n), z_.resize(n);
  for (std::size_t i = n; i-- > 0;) {  // starts_[b + 1] counts down to where bin b begins
    const std::size_t to = --starts_[bin_of_[i] + 1];
    x_[to] = xyz_[3 * i], y_[to] = xyz_[3 * i + 1], z_[to] = xyz_[3 * i + 2];
  }
  std::rotate(starts_.begin(), starts_.begin() + 1, starts_.end());
  starts_.back() = static_cast<std::uint32_t>(n);
}

// In a periodic cell n atoms have about n (4/3) pi cutoff^3 n / volume edges: more than 2^32 are known before they are counted.
void NeighbourCounter::refuse_too_many(std::size_t n) {
  if (!(pbc_[0] && pbc_[1] && pbc_[2])) return;
  const double volume = std::abs(dot(axes_[0], cross(axes_[1], axes_[2]))), atoms = static_cast<double>(n);
  const double pairs = atoms * atoms * (2.0 / 3) * std::numbers::pi * cutoff_ * cutoff_ * cutoff_ / volume;
  if (2 * pairs > kHopeless * static_cast<double>(std::numeric_limits<std::uint32_t>::max())) {
    throw Error(Exit::input, "", fmt::format("would have about {:.2g} edges, more than 2^32", 2 * pairs), "pass a smaller --cutoff");
  }
}

void NeighbourCounter::spend(double comparisons) {
  compared_ += comparisons;
  if (compared_ > next_look_) {  // a tiny cell alone can take a minute
    next_look_ = compared_ + kComparisonsBetweenLooks;
    throw_if_interrupted();
  }
  if (compared_ > kMostComparisons)
    throw Error(Exit::input, "", "counting neighbours within the cutoff would compare over 20 billion pairs of atoms",
                "pass a smaller --cutoff");
}

std::uint64_t NeighbourCounter::count_within_bin(std::size_t bin) const {
  const std::size_t begin = starts_[bin], end = starts_[bin + 1];
  const double limit = cutoff_ * cutoff_;
  std::uint64_t found = 0;
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t j = i + 1; j < end; ++j) {
      const double dx = x_[j] - x_[i], dy = y_[j] - y_[i], dz = z_[j] - z_[i];
      found += dx * dx + dy * dy + dz * dz < limit;
    }
  }
  return found;
}

std::uint64_t NeighbourCounter::count_between(std::size_t a, std::size_t b, const Vec& shift) const {
  const double limit = cutoff_ * cutoff_;
  std::uint64_t found = 0;
  for (std::size_t i = starts_[a]; i < starts_[a + 1]; ++i) {
    const double x = x_[i] - shift[0], y = y_[i] - shift[1], z = z_[i] - shift[2];
    for (std::size_t j = starts_[b]; j < starts_[b + 1]; ++j) {
      const double dx = x_[j] - x, dy = y_[j] - y, dz = z_[j] - z;
      found += dx * dx + dy * dy + dz * dz < limit;
    }
  }
  return found;
}

std::uint64_t NeighbourCounter::count_around(const std::array<std::int64_t, 3>& bin,
                                             const std::array<std::int64_t, 3>& offset) {
  std::int64_t from = 0, to = 0;
  Vec shift{};
  for (std::size_t k = 0; k < 3; ++k) {
    std::int64_t b = bin[k] + offset[k];
    if (b < 0 || b >= bins_[k]) {
      if (!pbc_[k]) return 0;
      std::int64_t turns = b / bins_[k] - (b % bins_[k] < 0 ? 1 : 0);
      b -= turns * bins_[k];
      for (std::size_t c = 0; c < 3; ++c) shift[c] += static_cast<double>(turns) * axes_[k][c];
    }
    from = from * bins_[k] + bin[k];
    to = to * bins_[k] + b;
  }
  const auto a = static_cast<std::size_t>(from), b = static_cast<std::size_t>(to);
  spend(1 + static_cast<double>(starts_[a + 1] - starts_[a]) * static_cast<double>(starts_[b + 1] - starts_[b]));
  return count_between(a, b, shift);
}

std::optional<std::uint64_t> NeighbourCounter::count(std::span<const double> positions,
                                                     const std::array<double, 9>& cell, const std::array<bool, 3>& pbc,
                                                     double cutoff) {
  const std::size_t n = positions.size() / 3;
  pbc_ = pbc;
  cutoff_ = cutoff;
  compared_ = 0;
  next_look_ = kComparisonsBetweenLooks;
  if (!all_usable(positions) || !set_axes(cell)) return std::nullopt;
  if (n == 0) return 0;
  place_atoms(positions);
  choose_bins(n);
  sort_into_bins(n);

  // The edge i -> j at bin offset d has its reverse at -d: half of the offsets give half of the edges.
  std::uint64_t half = 0;
  std::array<std::int64_t, 3> bin, d;
  for (bin[0] = 0; bin[0] < bins_[0]; ++bin[0]) {
    for (bin[1] = 0; bin[1] < bins_[1]; ++bin[1]) {
      for (bin[2] = 0; bin[2] < bins_[2]; ++bin[2]) {
        const auto here = static_cast<std::size_t>((bin[0] * bins_[1] + bin[1]) * bins_[2] + bin[2]);
        const double atoms = starts_[here + 1] - starts_[here];
        if (atoms == 0) continue;
        spend(atoms * atoms / 2);
        half += count_within_bin(here);
        for (d[0] = 0; d[0] <= reach_[0]; ++d[0])
          for (d[1] = d[0] == 0 ? 0 : -reach_[1]; d[1] <= reach_[1]; ++d[1])
            for (d[2] = d[0] == 0 && d[1] == 0 ? 1 : -reach_[2]; d[2] <= reach_[2]; ++d[2])
              half += count_around(bin, d);
      }
    }
  }
  return 2 * half;
}

}  // namespace atp

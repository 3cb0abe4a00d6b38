#include "core/stats/atom_counts.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace atp {
namespace {

constexpr std::size_t kMostBins = 16;
constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();

// Lower edges from at most `min` up to beyond `max`; the last one closes the last bin.
using Edges = std::vector<std::uint64_t>;

Edges equal_edges(std::uint64_t min, std::uint64_t max) {
  std::uint64_t width = 1;
  for (std::uint64_t decade = 1;; decade *= 10)
    for (const std::uint64_t step : std::initializer_list<std::uint64_t>{1, 2, 5}) {
      width = step * decade;
      if (max / width - min / width + 1 > kMostBins) continue;
      Edges edges;
      for (std::uint64_t e = min / width * width; e <= max; e += width) edges.push_back(e);
      edges.push_back(edges.back() + width);
      return edges;
    }
}

Edges growing_edges(std::uint64_t min, std::uint64_t max, std::initializer_list<std::uint64_t> steps) {
  Edges edges{0};
  for (std::uint64_t decade = 1;; decade *= 10)
    for (const std::uint64_t step : steps) {
      const std::uint64_t e = step * decade;
      if (e <= min)
        edges.back() = e;
      else
        edges.push_back(e);
      if (e > max) return edges;
    }
}

Edges choose_edges(std::uint64_t min, std::uint64_t max) {
  if (max - min < kMostBins || max / std::max<std::uint64_t>(min, 1) < 10) return equal_edges(min, max);
  Edges edges = growing_edges(min, max, {1, 2, 5});
  return edges.size() - 1 <= kMostBins ? edges : growing_edges(min, max, {1});
}

}  // namespace

template <class Fn>
void AtomCounts::for_each(Fn&& fn) const {
  for (std::uint32_t n = 0; n < kSmall; ++n)
    if (small_[n] != 0) fn(n, small_[n]);
  for (const auto& [n, records] : large_) fn(n, records);
}

void AtomCounts::merge(const AtomCounts& other) {
  for (std::uint32_t n = 0; n < kSmall; ++n) small_[n] += other.small_[n];
  for (const auto& [n, records] : other.large_) large_[n] += records;
}

std::uint64_t AtomCounts::records() const {
  std::uint64_t sum = 0;
  for_each([&](std::uint32_t, std::uint64_t records) { sum += records; });
  return sum;
}

std::uint64_t AtomCounts::atoms() const {
  std::uint64_t sum = 0;
  for_each([&](std::uint32_t n, std::uint64_t records) { sum += n * records; });
  return sum;
}

std::uint32_t AtomCounts::value_at(std::uint64_t rank) const {
  std::uint32_t found = 0;
  std::uint64_t before = 0;
  for_each([&](std::uint32_t n, std::uint64_t records) {
    if (before <= rank) found = n;
    before += records;
  });
  return found;
}

std::optional<AtomCounts::Summary> AtomCounts::summary() const {
  const std::uint64_t n = records();
  if (n == 0) return std::nullopt;
  const double low = value_at((n - 1) / 2), high = value_at(n / 2);
  return Summary{value_at(0), value_at(n - 1), static_cast<double>(atoms()) / static_cast<double>(n), (low + high) / 2};
}

std::vector<AtomCounts::Bin> AtomCounts::histogram() const {
  const auto range = summary();
  if (!range) return {};
  const Edges edges = choose_edges(range->min, range->max);
  std::vector<Bin> bins;
  for (std::size_t i = 0; i + 1 < edges.size(); ++i)
    bins.push_back(
        {static_cast<std::uint32_t>(edges[i]), static_cast<std::uint32_t>(std::min(edges[i + 1] - 1, kLargest)), 0});
  for_each([&](std::uint32_t n, std::uint64_t records) {
    const auto above = std::ranges::upper_bound(edges, std::uint64_t{n});
    bins[static_cast<std::size_t>(above - edges.begin()) - 1].records += records;
  });
  return bins;
}

}  // namespace atp

// How many atoms the records have: exact quantiles and a histogram without keeping every count.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace atp {

// One thread; merging is exact in any order. Memory: a table for small counts and a map entry for each
// distinct large one, so never more than a small multiple of the index it was filled from.
class AtomCounts {
 public:
  AtomCounts() : small_(kSmall, 0) {}

  void add(std::uint32_t atoms) {
    if (atoms < kSmall) [[likely]]
      ++small_[atoms];
    else
      ++large_[atoms];
  }
  void merge(const AtomCounts& other);

  std::uint64_t records() const;
  std::uint64_t atoms() const;

  struct Summary {
    std::uint32_t min, max;
    double mean, median;  // the median of an even number of records is the mean of the middle two
  };
  // Nothing when there are no records.
  std::optional<Summary> summary() const;

  struct Bin {
    std::uint32_t from, to;  // inclusive
    std::uint64_t records;
  };
  // At most 16 bins that cover all counts: single values, equal widths, or, over more than a decade,
  // widths that grow in steps of 1, 2, 5 (or tens). Empty bins at either end are left out.
  std::vector<Bin> histogram() const;

 private:
  static constexpr std::uint32_t kSmall = 4096;

  template <class Fn>
  void for_each(Fn&& fn) const;  // fn(atoms, records), ascending
  std::uint32_t value_at(std::uint64_t rank) const;

  std::vector<std::uint64_t> small_;
  std::map<std::uint32_t, std::uint64_t> large_;
};

}  // namespace atp

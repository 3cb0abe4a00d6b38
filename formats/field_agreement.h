// Whether two keys that both look like one field say the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>

#include "formats/field_rules.h"

namespace atp {

// Two sources of one field agree when only digits lost in printing differ. Energies are large sums:
// what they differ by counts, not what part of the whole it is.
inline double tolerance_of(Field field, double largest) {
  if (field == Field::energy) return 1e-5;
  return 1e-6 * largest + (field == Field::stress ? 1e-8 : 1e-6);
}

inline bool close_enough(double a, double b, double tolerance) {
  if (std::isnan(a) && std::isnan(b)) return true;
  return a == b || std::fabs(a - b) <= tolerance;
}

// The first place where they differ, or n.
template <class Get>
std::size_t first_difference(std::size_t n, Field field, Get&& get) {
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto [a, b] = get(i);
    largest = std::max(largest, std::max(std::fabs(a), std::fabs(b)));
  }
  if (!std::isfinite(largest)) largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto [a, b] = get(i);
    if (!close_enough(a, b, tolerance_of(field, largest))) return i;
  }
  return n;
}

// "'a' and 'b' both look like the energy and differ (-1, -2)". Throws Error (exit 3).
[[noreturn]] void fail_differ(std::string_view a, std::string_view b, Field field, double x, double y);

}  // namespace atp

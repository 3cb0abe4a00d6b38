// Floats of a file as floats of the width that is wanted. In the header: it runs for every record of a batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "core/atp/layout.h"
#include "core/atp/prefetcher.h"

namespace atp {

// Bytes of one: f32 or f64.
constexpr std::size_t size_of(Scalar real) { return real == Scalar::f32 ? 4 : 8; }

// Whether the numbers of the type are f32.
inline bool is_f32(Type type) {
  constexpr auto bit_of = [](Type t) { return std::uint32_t{1} << static_cast<unsigned>(t); };
  constexpr std::uint32_t kF32 = bit_of(Type::vec3_f32) | bit_of(Type::f32) | bit_of(Type::mat3_f32) | bit_of(Type::f32_array);
  return (bit_of(type) & kF32) != 0;
}

// `count` floats, unaligned.
template <class From, class To>
void convert_reals(const std::byte* from, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) store(to + i * sizeof(To), static_cast<To>(load<From>(from + i * sizeof(From))));
}

// The same of either width, to floats of the width asked for.
inline void copy_reals(const std::byte* from, bool from_f32, std::size_t count, Scalar real, std::byte* to, Prefetcher& prefetcher) {
  if (from_f32 == (real == Scalar::f32)) {
    prefetcher.copy(to, from, count * size_of(real));
  } else if (from_f32) {
    convert_reals<float, double>(from, count, to);
  } else {
    convert_reals<double, float>(from, count, to);
  }
}

inline void fill_nan(std::byte* to, std::size_t count, Scalar real) {
  if (real == Scalar::f32) {
    std::fill_n(reinterpret_cast<float*>(to), count, std::numeric_limits<float>::quiet_NaN());
  } else {
    std::fill_n(reinterpret_cast<double*>(to), count, std::numeric_limits<double>::quiet_NaN());
  }
}

}  // namespace atp

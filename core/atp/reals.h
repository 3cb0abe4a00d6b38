// Floats of a file as floats of the width that is wanted. In the header: it runs for every record of a batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "core/atp/layout.h"

namespace atp {

// Bytes of one: f32 or f64.
constexpr std::size_t size_of(Scalar real) { return real == Scalar::f32 ? 4 : 8; }

// Whether the numbers of the type are f32.
inline bool is_f32(Type type) { return type == Type::vec3_f32 || type == Type::f32 || type == Type::mat3_f32 || type == Type::f32_array; }

// `count` floats, unaligned.
template <class From, class To>
void convert_reals(const std::byte* from, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) store(to + i * sizeof(To), static_cast<To>(load<From>(from + i * sizeof(From))));
}

// The same of either width, to floats of the width asked for.
inline void copy_reals(const std::byte* from, bool from_f32, std::size_t count, Scalar real, std::byte* to) {
  if (from_f32 == (real == Scalar::f32)) {
    std::memcpy(to, from, count * size_of(real));
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

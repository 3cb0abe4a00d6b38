// Numbers as text that reads back as the same number.
#pragma once

#include <charconv>
#include <cmath>
#include <string>

#include "core/atp/section.h"

namespace atp {

// Appends the shortest decimal that reads back as exactly `v` (float and double each by their own
// width), always recognisable as a real number ("1.0", "1e+22"); "NaN", "Infinity", "-Infinity".
template <class T>
void append_real(std::string& out, T v) {
  if (!std::isfinite(v)) {
    out += std::isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
    return;
  }
  char text[32];
  const char* const end = std::to_chars(text, text + sizeof text, v).ptr;
  out.append(text, static_cast<std::size_t>(end - text));
  for (const char* p = text; p != end; ++p) {
    if (*p == '.' || *p == 'e') return;
  }
  out += ".0";
}

template <class T>
void append_integer(std::string& out, T v) {
  char text[24];
  out.append(text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, v).ptr - text));
}

// Number i of a payload in its own type; booleans as 0 and 1.
inline void append_number(std::string& out, const NumbersView& numbers, std::uint64_t i) {
  switch (numbers.scalar) {
    case Scalar::f32: append_real(out, static_cast<float>(numbers.real(i))); break;
    case Scalar::f64: append_real(out, numbers.real(i)); break;
    default: append_integer(out, numbers.integer(i));
  }
}

}  // namespace atp

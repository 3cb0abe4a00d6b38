#include "formats/number.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

namespace atp {

namespace {

// Powers of ten that a double holds exactly.
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kLargestPower = 22;
constexpr std::uint64_t kExactInteger = std::uint64_t{1} << 53;
constexpr int kMostDigits = 19;  // always fit in 64 bits

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Whether the eight bytes are all digits, and what they say (first byte most significant).
bool eight_digits(const char* p, std::uint32_t& value) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  const std::uint64_t low = v - 0x3030303030303030;
  if (((v & 0xF0F0F0F0F0F0F0F0) != 0x3030303030303030) || (((low + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) != 0)) {
    return false;
  }
  v = low * 10 + (low >> 8);
  v = (((v & 0x000000FF000000FF) * 0x000F424000000064) + (((v >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >> 32;
  value = static_cast<std::uint32_t>(v);
  return true;
}

// The digits of a number, the point left out.
struct Digits {
  std::uint64_t mantissa = 0;
  int significant = 0;  // without leading zeros; counts on past kMostDigits, where mantissa is void
};

const char* read_digits(const char* p, const char* end, Digits& d) {
  std::uint32_t eight;
  while (end - p >= 8 && d.significant <= kMostDigits - 8 && eight_digits(p, eight)) {
    d.mantissa = d.mantissa * 100'000'000 + eight;
    // Leading zeros inside the eight are counted: the only harm is an earlier way to from_chars.
    if (d.significant != 0 || d.mantissa != 0) d.significant += 8;
    p += 8;
  }
  for (; p != end && is_digit(*p); ++p) {
    d.mantissa = d.mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
    // Not the mantissa alone: 2^64 wraps it to zero.
    if ((d.significant != 0 || d.mantissa != 0) && d.significant < 1'000'000) ++d.significant;
  }
  return p;
}

// The part of a number after its sign, [begin, end), well formed: any length, any exponent letter.
double slow_value(const char* begin, const char* end, const char* exponent_letter, std::int64_t magnitude) {
  double value = 0;
  std::from_chars_result r;
  if (exponent_letter == nullptr || *exponent_letter == 'e' || *exponent_letter == 'E') {
    r = std::from_chars(begin, end, value);
  } else {
    std::string copy(begin, end);
    copy[static_cast<std::size_t>(exponent_letter - begin)] = 'e';
    r = std::from_chars(copy.data(), copy.data() + copy.size(), value);
  }
  if (r.ec == std::errc::result_out_of_range) {
    return magnitude > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  }
  return value;
}

bool starts_with_ignoring_case(const char* p, const char* end, std::string_view lower) {
  if (end - p < static_cast<std::ptrdiff_t>(lower.size())) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if ((p[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

const char* read_special(const char* p, const char* end, bool negative, double& value) {
  using Limits = std::numeric_limits<double>;
  for (const std::string_view word : {"infinity", "inf", "nan"}) {
    if (!starts_with_ignoring_case(p, end, word)) continue;
    const double magnitude = word == "nan" ? Limits::quiet_NaN() : Limits::infinity();
    value = negative ? -magnitude : magnitude;
    return p + word.size();
  }
  return nullptr;
}

// The exponent at `p` (its letter), or `p` itself when there is none that is complete.
const char* read_exponent(const char* p, const char* end, std::int64_t& exponent) {
  const char letter = static_cast<char>(*p | 0x20);
  if (letter != 'e' && letter != 'd') return p;
  const char* q = p + 1;
  const bool negative = q != end && *q == '-';
  if (q != end && (*q == '-' || *q == '+')) ++q;
  if (q == end || !is_digit(*q)) return p;
  std::int64_t e = 0;
  for (; q != end && is_digit(*q); ++q) {
    if (e < 100'000'000) e = e * 10 + (*q - '0');
  }
  exponent = negative ? -e : e;
  return q;
}

}  // namespace

namespace {

constexpr std::uint64_t kPowersOfTen[] = {1,           10,           100,           1'000,           10'000,
                                          100'000,     1'000'000,    10'000'000,    100'000'000,     1'000'000'000,
                                          10'000'000'000, 100'000'000'000, 1'000'000'000'000, 10'000'000'000'000,
                                          100'000'000'000'000, 1'000'000'000'000'000};

// How many of the eight bytes at `p` are digits before the first that is none, and their value.
// Without a branch on the count: columns of numbers have it differ from line to line.
unsigned leading_digits(const char* p, std::uint64_t& value) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  v ^= 0x3030303030303030;  // digits become 0 to 9
  // A sum over 0x7f marks a byte that is no digit. A carry only reaches bytes behind it.
  const std::uint64_t others = ((v + 0x7676767676767676) | v) & 0x8080808080808080;
  const unsigned count = others == 0 ? 8 : static_cast<unsigned>(std::countr_zero(others)) / 8;
  // As eight digits with zeros before them; a shift by 64 would be undefined.
  v = count == 0 ? 0 : v << (8 * (8 - count));
  v = v * 10 + (v >> 8);
  v = (((v & 0x000000FF000000FF) * 0x000F424000000064) + (((v >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >> 32;
  value = v;
  return count;
}

// Numbers as nearly all files have them: up to 7 digits, a point, up to 15 digits, no exponent.
// nullptr for any other, and where the bytes looked at might lie behind `end`.
const char* read_common_real(const char* p, const char* end, double& value) {
  if (end - p < 32) return nullptr;
  const bool negative = *p == '-';
  p += negative;
  std::uint64_t whole, fraction, more;
  const unsigned digits = leading_digits(p, whole);
  if (digits == 0 || digits == 8 || p[digits] != '.') return nullptr;
  p += digits + 1;
  unsigned scale = leading_digits(p, fraction);
  if (scale == 8) {
    const unsigned rest = leading_digits(p + 8, more);
    if (rest == 8) return nullptr;
    fraction = fraction * kPowersOfTen[rest] + more;
    scale += rest;
  }
  p += scale;
  if ((*p | 0x20) == 'e' || (*p | 0x20) == 'd') return nullptr;
  if (digits + scale > kMostDigits) return nullptr;  // might not fit in 64 bits
  const std::uint64_t mantissa = whole * kPowersOfTen[scale] + fraction;
  if (mantissa > kExactInteger) return nullptr;
  // Both operands are exact, so the division rounds once: the nearest double.
  const double magnitude = static_cast<double>(mantissa) / kPowers[scale];
  value = negative ? -magnitude : magnitude;
  return p;
}

}  // namespace

const char* read_real(const char* p, const char* end, double& value) {
  if (const char* const after = read_common_real(p, end, value)) return after;
  bool negative = false;
  if (p != end && (*p == '-' || *p == '+')) negative = *p++ == '-';
  if (p == end) return nullptr;

  const char* const begin = p;
  Digits d;
  p = read_digits(p, end, d);
  std::ptrdiff_t written = p - begin;
  const std::int64_t whole = d.significant;
  std::int64_t scale = 0;  // digits after the point
  if (p != end && *p == '.') {
    const char* const fraction = p + 1;
    p = read_digits(fraction, end, d);
    scale = p - fraction;
    written += scale;
  }
  if (written == 0) return read_special(begin, end, negative, value);

  std::int64_t exponent = 0;
  const char* letter = nullptr;
  if (p != end) {
    const char* const after = read_exponent(p, end, exponent);
    if (after != p) letter = p;
    p = after;
  }

  double v;
  const std::int64_t power = exponent - scale;
  if (d.significant <= kMostDigits && d.mantissa <= kExactInteger && power >= -kLargestPower &&
      power <= kLargestPower) {
    // Both operands are exact, so one IEEE operation rounds once: the nearest double.
    const double m = static_cast<double>(d.mantissa);
    v = power < 0 ? m / kPowers[-power] : m * kPowers[power];
  } else if (d.significant == 0) {
    v = 0.0;
  } else {
    // Out of range is far from 1, so the number of whole digits tells which way. A fraction's
    // leading zeros are not in `whole`, but then the exponent decides all the same.
    v = slow_value(begin, p, letter, whole > 0 ? whole + exponent : exponent - scale + d.significant);
  }
  value = negative ? -v : v;
  return p;
}

const char* read_integer(const char* p, const char* end, std::int64_t& value) {
  if (p != end && *p == '+') {
    ++p;
    if (p == end || !is_digit(*p)) return nullptr;
  }
  const auto r = std::from_chars(p, end, value);
  return r.ec == std::errc() ? r.ptr : nullptr;
}

bool parse_real(std::string_view text, double& value) {
  const char* const end = text.data() + text.size();
  double v;
  if (read_real(text.data(), end, v) != end || text.empty()) return false;
  value = v;
  return true;
}

bool parse_integer(std::string_view text, std::int64_t& value) {
  const char* const end = text.data() + text.size();
  std::int64_t v;
  if (read_integer(text.data(), end, v) != end || text.empty()) return false;
  value = v;
  return true;
}

bool parse_logical(std::string_view text, bool& value) {
  if (text == "T" || text == "True" || text == "true" || text == "TRUE") return value = true, true;
  if (text == "F" || text == "False" || text == "false" || text == "FALSE") return value = false, true;
  return false;
}

}  // namespace atp

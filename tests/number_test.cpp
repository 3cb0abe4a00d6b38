#include "formats/number.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

using namespace atp;

namespace {

bool same_as_strtod(const std::string& text) {
  double got = 0;
  if (!parse_real(text, got)) return false;
  std::string c = text;
  for (char& ch : c) {
    if (ch == 'd' || ch == 'D') ch = 'e';
  }
  const double want = std::strtod(c.c_str(), nullptr);
  return std::bit_cast<std::uint64_t>(got) == std::bit_cast<std::uint64_t>(want);
}

}  // namespace

TEST_CASE("reals: spellings that are numbers") {
  for (const char* text : {"0",
                           "-0",
                           "+0",
                           "-0.0",
                           "1",
                           "+1",
                           "1.",
                           ".5",
                           "-.5",
                           "+.5",
                           "1.5",
                           "1e5",
                           "1E5",
                           "1d5",
                           "1D-5",
                           "1.5e+3",
                           "123456789012345678901234567890",
                           "0.00000000000000000000000000000000000000001",
                           "9007199254740993",
                           "9007199254740992.5",
                           "1e22",
                           "1e23",
                           "1e-22",
                           "1e-23",
                           "4.9e-324",
                           "2.4e-324",
                           "2.5e-324",
                           "1e-400",
                           "-1e-400",
                           "1e400",
                           "-1e400",
                           "1e99999999999999999999",
                           "1e-99999999999999999999",
                           "0e999999999999",
                           "1.7976931348623157e308",
                           "1.7976931348623159e308",
                           "2.2250738585072011e-308",
                           "8.41e21",
                           "12345678",
                           "123456789",
                           "1234567890123456789",
                           "12345678901234567890",
                           "0.1234567812345678",
                           "00000000000000000000000001",
                           "0.000000000000000000000000012345678901234567",
                           "100000000000000000000000000e-400",
                           "0.00000000000000000001e330",
                           "17.9769313486231590e307",
                           "18446744073709551616",
                           "184467440737095516160",
                           "1.8446744073709551616"}) {
    CAPTURE(text);
    CHECK(same_as_strtod(text));
  }
}

TEST_CASE("reals: nan and infinities in any case") {
  double v = 0;
  for (const char* text : {"nan", "NaN", "NAN", "-nan", "+nan"}) {
    CAPTURE(text);
    REQUIRE(parse_real(text, v));
    CHECK(std::isnan(v));
  }
  for (const char* text : {"inf", "Inf", "INF", "+inf", "infinity", "Infinity"}) {
    CAPTURE(text);
    REQUIRE(parse_real(text, v));
    CHECK(v == INFINITY);
  }
  REQUIRE(parse_real("-inf", v));
  CHECK(v == -INFINITY);
}

TEST_CASE("reals: what is no number") {
  for (const char* text : {"",       "+",     "-",  ".",   "-.",  "e5",    ".e5",  "1.2.3", "abc",  "***",
                           "1e",     "1e+",   "1d", "--1", "+-1", "1 ",    " 1",   "1,5",   "0x10", "1_000",
                           "nan(1)", "infin", "na", "in",  "1f",  "1e5.0", "1ee5", "T",     "1/2"}) {
    CAPTURE(text);
    double v = 0;
    CHECK_FALSE(parse_real(text, v));
  }
}

TEST_CASE("reals: every random text is read as strtod reads it") {
  std::mt19937_64 random(1);
  char buffer[400];
  for (int i = 0; i < 200'000; ++i) {
    double v = std::bit_cast<double>(random());
    if (!std::isfinite(v)) continue;
    std::snprintf(buffer, sizeof buffer, "%.*e", static_cast<int>(random() % 25), v);
    if (!same_as_strtod(buffer)) FAIL(buffer);
    v = std::ldexp(static_cast<double>(random() % (1ull << 53)), -static_cast<int>(random() % 70));
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(random() % 30), v);
    if (!same_as_strtod(buffer)) FAIL(buffer);
  }
}

TEST_CASE("reals: digits in all groupings") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    auto digits = [&](std::size_t n) {
      for (std::size_t k = 0; k < n; ++k) text += static_cast<char>('0' + (random() % 4 == 0 ? 0 : random() % 10));
    };
    if (random() % 2) text += "-+"[random() % 2];
    digits(random() % 22 + 1);
    if (random() % 4) {
      text += '.';
      digits(random() % 26);
    }
    if (random() % 4 == 0)
      text += std::string(1, "eEdD"[random() % 4]) + std::to_string(static_cast<int>(random() % 700) - 350);
    if (!same_as_strtod(text)) FAIL(text);
  }
}

TEST_CASE("integers") {
  std::int64_t v = 0;
  CHECK((parse_integer("0", v) && v == 0));
  CHECK((parse_integer("+5", v) && v == 5));
  CHECK((parse_integer("-5", v) && v == -5));
  CHECK((parse_integer("9223372036854775807", v) && v == INT64_MAX));
  CHECK((parse_integer("-9223372036854775808", v) && v == INT64_MIN));
  for (const char* text :
       {"", "+", "-", "+-1", "-+1", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", "1 ", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer(text, v));
  }
}

TEST_CASE("logicals") {
  bool b = false;
  CHECK((parse_logical("T", b) && b));
  CHECK((parse_logical("TRUE", b) && b));
  CHECK((parse_logical("false", b) && !b));
  CHECK_FALSE(parse_logical("t", b));
  CHECK_FALSE(parse_logical("Tr", b));
  CHECK_FALSE(parse_logical("", b));
}

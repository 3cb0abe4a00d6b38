#include "core/base/json_writer.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using atp::JsonWriter;

namespace {

std::string real(double v) { return JsonWriter().real(v).take(); }
std::string string(std::string_view v) { return JsonWriter().string(v).take(); }

}  // namespace

TEST_CASE("commas and nesting are kept") {
  JsonWriter w;
  w.begin_object().key("a").count(1).key("b").begin_array().null().boolean(true).begin_object().end_object();
  w.begin_array().end_array().end_array().key("c").integer(-5).key("d").raw("[1,2]").end_object();
  CHECK(w.text() == R"({"a":1,"b":[null,true,{},[]],"c":-5,"d":[1,2]})");
  CHECK(JsonWriter().count(std::numeric_limits<std::uint64_t>::max()).text() == "18446744073709551615");
  CHECK(JsonWriter().integer(std::numeric_limits<std::int64_t>::min()).text() == "-9223372036854775808");
}

TEST_CASE("strings are escaped and always valid UTF-8") {
  CHECK(string("a\"b\\c\n\r\t\x01\x7F") == R"("a\"b\\c\n\r\t\u0001\u007f")");
  CHECK(string(std::string("\0x", 2)) == R"("\u0000x")");
  CHECK(string("Å, 晶, 😀") == "\"Å, 晶, 😀\"");
  CHECK(string("\xC2\x9B") == R"("\u009b")");
  for (const char* bad : {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    const std::string text = string(bad);
    CHECK(text.find("\xEF\xBF\xBD") != std::string::npos);
    CHECK(simdjson::validate_utf8(text));
  }
  CHECK(string("a\xFF"
               "b") ==
        "\"a\xEF\xBF\xBD"
        "b\"");
}

TEST_CASE("numbers read back as the same double") {
  CHECK(real(1) == "1.0");
  CHECK(real(-0.0) == "-0.0");
  CHECK(real(0.1) == "0.1");
  CHECK(real(1e30) == "1e+30");
  CHECK(real(123456789) == "123456789.0");
  CHECK(real(5e-324) == "5e-324");
  CHECK(real(std::nan("")) == "\"NaN\"");
  CHECK(real(-std::numeric_limits<double>::infinity()) == "\"-inf\"");

  std::mt19937_64 random(0);
  simdjson::dom::parser parser;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double v;
    std::memcpy(&v, &bits, sizeof v);
    if (!std::isfinite(v)) continue;
    const std::string text = real(v);
    REQUIRE(text.find_first_of(".e") != std::string::npos);
    double back = 0;
    REQUIRE(parser.parse(text).get(back) == simdjson::SUCCESS);
    REQUIRE(back == v);
  }
}

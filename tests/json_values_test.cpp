#include "formats/json_values.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;
using Of = FrameValue::Of;

namespace {

struct Found {
  bool there = false;
  Of of = Of::f64;
  std::vector<double> numbers;
  std::string note;
};

// The value of an array of ASE's binary form.
Found binary(std::string_view dtype, Bytes data, std::size_t count) {
  JsonParser parser;
  JsonValues values(data);
  const auto v = values.value(parser.parse(fmt::format(R"({{"__ndarray__": [[{}], "{}", 0]}})", count, dtype)), "x");
  Found f;
  f.there = v.has_value();
  if (v) f.of = v->of;
  for (std::size_t i = 0; v && i < count; ++i) f.numbers.push_back(v->real(i));
  if (!values.left_out().empty()) f.note = values.left_out()[0];
  return f;
}

template <class T>
Found binary(std::string_view dtype, std::vector<T> data) {
  return binary(dtype, std::as_bytes(std::span<const T>(data)), data.size());
}

Found json(const char* text) {
  JsonParser parser;
  JsonValues values;
  const auto v = values.value(parser.parse(text), "x");
  Found f;
  f.there = v.has_value();
  if (v) f.of = v->of;
  for (std::size_t i = 0; v && i < v->count(); ++i) f.numbers.push_back(v->real(i));
  if (!values.left_out().empty()) f.note = values.left_out()[0];
  return f;
}

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("ASE's binary arrays of narrow numbers are widened to what holds them") {
  const Found i8 = binary<std::int8_t>("int8", {-128, 127}), u8 = binary<std::uint8_t>("uint8", {0, 255});
  CHECK(i8.of == Of::i64);
  CHECK(i8.numbers == Numbers{-128, 127});
  CHECK(u8.numbers == Numbers{0, 255});
  CHECK(binary<std::int16_t>("int16", {-32768, 32767}).numbers == Numbers{-32768, 32767});
  CHECK(binary<std::uint16_t>("uint16", {0, 65535}).numbers == Numbers{0, 65535});
  CHECK(binary<std::uint32_t>("uint32", {0, 4294967295U}).numbers == Numbers{0, 4294967295.0});
  CHECK(binary<std::uint64_t>("uint64", {0, 7}).numbers == Numbers{0, 7});
  CHECK(binary<std::uint8_t>("bool", {0, 1}).of == Of::logical);
  const Found half = binary<std::uint16_t>("float16", {0x3C00, 0xC000, 0x7C00});
  CHECK(half.of == Of::f32);
  CHECK(half.numbers == Numbers{1, -2, HUGE_VAL});
}

TEST_CASE("what no record holds is left out, with its key and type") {
  const Found large = binary<std::uint64_t>("uint64", {1, UINT64_MAX});
  CHECK_FALSE(large.there);
  CHECK(large.note == "'x' is the integer 18446744073709551615, which no record holds exactly; it is left out");
  CHECK(binary<double>("complex128", {1, 2}).note == "'x' is an array of complex numbers (complex128), which no record holds; it is left out");
  CHECK(binary<double>("str96", {1}).note == "'x' is an array of 'str96', which no record holds; it is left out");
  CHECK(json(R"({"__ndarray__": [[1], "complex128", [1.0, 2.0]]})").note == "'x' is an array of complex numbers (complex128), which no record holds; it is left out");
  CHECK_THROWS_AS(binary("int16", {}, 4), Error);  // beyond the data
}

TEST_CASE("integers beyond 64 bits are exact or left out") {
  CHECK(json("9223372036854775808").numbers == Numbers{0x1p63});
  CHECK(json("9223372036854775809").note == "'x' is the integer 9223372036854775809, which no record holds exactly; it is left out");
  CHECK(json("[1, 9223372036854775809]").note == "'x' is the integer 9223372036854775809, which no record holds exactly; it is left out");
  CHECK(json("[0.5, 9007199254740993]").note == "'x' is the integer 9007199254740993, which no record holds exactly; it is left out");
  CHECK(json("[1180591620717411303424, -1180591620717411303424]").numbers == Numbers{0x1p70, -0x1p70});
  CHECK(json("[1180591620717411303425]").note == "'x' is the integer 1180591620717411303425, which no record holds exactly; it is left out");
  CHECK(json("-9223372036854775809").note == "'x' is the integer -9223372036854775809, which no record holds exactly; it is left out");
  CHECK(json("[9223372036854775807, -9223372036854775808]").of == Of::i64);
  CHECK(json("[0.12345678901234567890123, 1e5]").numbers == Numbers{0.12345678901234567890123, 1e5});
  // Beside one that does not fit the others stay.
  const TempDir dir;
  write_text(dir / "a.json", R"({"1": {"numbers": [1], "positions": [[0,0,0]], "unique_id": "a", "data": {"big": 1180591620717411303425, "text": "1180591620717411303425", "f": 0.123456789012345678901}}, "ids": [1], "nextid": 2})");
  const auto r = read_all(*open_input(dir / "a.json", "", {}));
  REQUIRE(r.frames.size() == 1);
  CHECK_FALSE(has(r.frames[0], Kind::molecule, "big"));
  CHECK(text(r.frames[0], Kind::molecule, "text") == "1180591620717411303425");
  CHECK(f64(r.frames[0], Kind::molecule, "f") == 0.123456789012345678901);
  CHECK(r.notes.contains("'big' is the integer 1180591620717411303425, which no record holds exactly; it is left out"));
}

// .npy and .npz files: what NumPy writes is read, and what is damaged is refused.
#include "core/io/npy.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zlib.h>

#include <limits>

#include "core/base/error.h"
#include "core/io/npz.h"
#include "tests/support/files.h"

using namespace atp;

namespace {

std::string array_bytes(std::string_view type, std::initializer_list<std::uint64_t> shape, std::string_view data) {
  const std::vector<std::uint64_t> dims(shape);
  return npy_header(type, dims) + std::string(data);
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string out;
  for (const T v : values) out.append(reinterpret_cast<const char*>(&v), sizeof v);
  return out;
}

std::vector<std::uint32_t> counts(const std::string& bytes) {
  const auto c = counts_of(parse_npy(as_bytes(bytes), "t"), "t");
  return {c.begin(), c.end()};
}

std::string with_header(const std::string& dictionary, std::string_view data, char version = 1) {
  std::string out = std::string("\x93NUMPY") + version + '\0';
  const std::string header = dictionary + "\n";
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + header + std::string(data);
}

}  // namespace

TEST_CASE("integers of every width are read") {
  const std::vector<std::uint32_t> expected{1, 2, 100};
  CHECK(counts(array_bytes("|i1", {3}, raw<std::int8_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("|u1", {3}, raw<std::uint8_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<i2", {3}, raw<std::int16_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<u2", {3}, raw<std::uint16_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<i4", {3}, raw<std::int32_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<u4", {3}, raw<std::uint32_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<i8", {3}, raw<std::int64_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<u8", {3}, raw<std::uint64_t>({1, 2, 100}))) == expected);
  CHECK(counts(array_bytes("<u8", {0}, "")).empty());
}

TEST_CASE("headers as NumPy and others write them") {
  const std::string data = raw<std::int64_t>({5, 6});
  for (const char version : {'\1', '\2', '\3'}) CHECK(counts(with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", data, version)) == std::vector<std::uint32_t>{5, 6});
  CHECK(counts(with_header("{\"shape\": (2,), \"descr\": \"<i8\", \"fortran_order\": True}   ", data)).size() == 2);
  CHECK(parse_npy(as_bytes(array_bytes("<u4", {2, 3}, std::string(24, 'x'))), "t").shape == std::vector<std::uint64_t>{2, 3});
  CHECK(npy_header("<i8", std::vector<std::uint64_t>{5}).size() % 64 == 0);
}

TEST_CASE("arrays of several fields have no data, and hide no others") {
  const std::string data(24, 'x');
  for (const std::string_view fields : {"[('a', '<i4'), ('b', '<f8')]", "[('a]', '<i4', (2,)), ('b', [('c', '<f8')])]"}) {
    const NpyArray a = parse_any_npy(as_bytes(with_header(fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': (2,), }}", fields), data)), "t");
    CHECK(a.kind == 'O');
    CHECK(a.shape == std::vector<std::uint64_t>{2});
  }
  CHECK_THROWS_AS(parse_any_npy(as_bytes(with_header("{'descr': [('a', '<i4'), 'fortran_order': False, 'shape': (2,), }", data)), "t"), Error);
}

TEST_CASE("what is no array of counts is refused") {
  const std::string data = raw<std::int64_t>({5, 6});
  for (const std::string& bad : {
           std::string(), std::string("\x93NUMPY"), std::string("not numpy at all"),
           with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", data),
           with_header("{'descr': '>i8', 'fortran_order': False, 'shape': (2,), }", data),
           with_header("{'descr': '<i3', 'fortran_order': False, 'shape': (2,), }", data),
           with_header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", data),
           with_header("{'descr': '<i8', 'fortran_order': True, 'shape': (1, 2), }", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), 'more': (1,)}", data),
           with_header("{'descr': '<i8', 'shape': (2,), }", data),
           with_header("{'descr': '<i8', 'descr': '<i8', 'shape': (2,), }", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), ", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (-2,), }", data),
           with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", data, 4),
       }) {
    CAPTURE(bad);
    CHECK_THROWS_AS(counts(bad), Error);
  }
  CHECK_THROWS_WITH_AS(counts(array_bytes("<i8", {2}, raw<std::int64_t>({5, -1}))), "t: record 1: -1 is no count; counts are whole numbers from 0 to 4294967295", Error);
  CHECK_THROWS_AS(counts(array_bytes("<i8", {1}, raw<std::int64_t>({std::int64_t{1} << 32}))), Error);
  CHECK_THROWS_AS(counts(array_bytes("<i8", {1, 2}, data)), Error);
}

TEST_CASE("what is wrong with an array names its type and shape, and what to do") {
  const std::string data = raw<std::int64_t>({5, 6});
  CHECK_THROWS_WITH_AS(counts(with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", data)),
                       "t: holds numbers of type '<f8', not integers; save it with array.astype('int64')", Error);
  CHECK_THROWS_WITH_AS(counts(with_header("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,), }", data)),
                       "t: holds records of several fields (a structured dtype), not integers; save one field as integers", Error);
  CHECK_THROWS_WITH_AS(counts(with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", data)),
                       "t: is cut off: its shape (3,) asks for more numbers of type '<i8' than the 2 it holds; write it again with numpy.save", Error);
  CHECK_THROWS_WITH_AS(counts(array_bytes("<i8", {1, 2}, data)), "t: its array has the shape (1, 2), counts have one dimension; save one number for each record", Error);
  CHECK_THROWS_WITH_AS(counts(array_bytes("<u8", {1}, raw<std::int64_t>({-1}))),
                       "t: record 0: 18446744073709551615 is no count; counts are whole numbers from 0 to 4294967295", Error);
}

TEST_CASE("an array cut at any length or with any byte of its header changed is read or refused") {
  const std::string good = array_bytes("<i4", {4}, raw<std::int32_t>({1, 2, 3, 4}));
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_THROWS_AS(counts(good.substr(0, n)), Error);
  for (std::size_t i = 0; i < 128 && i < good.size(); ++i) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      try {
        (void)counts(bad);
      } catch (const Error&) {
      }
    }
  }
}

TEST_CASE("an .npz of our own is read back, and damage is found") {
  const std::string a = array_bytes("<i4", {3}, raw<std::int32_t>({1, 2, 3})), b = array_bytes("<i8", {1}, raw<std::int64_t>({9}));
  const std::string zip = zip_archive({{"natoms.npy", a}, {"other.npy", b}}, "t");
  CHECK(looks_like_zip(as_bytes(zip)));
  const auto member = npz_member(as_bytes(zip), "natoms", "t");
  CHECK(as_text(member) == a);
  CHECK(as_text(npz_member(as_bytes(zip), "other", "t")) == b);
  CHECK_THROWS_WITH_AS(npz_member(as_bytes(zip), "nothing", "t"), "t: has no array 'nothing', but natoms.npy, other.npy; save it with numpy.savez(file, nothing=counts)", Error);
  for (std::size_t n = 0; n < zip.size(); ++n) CHECK_THROWS_AS(npz_member(as_bytes(std::string_view(zip).substr(0, n)), "natoms", "t"), Error);
  for (std::size_t i = 0; i < zip.size(); ++i) {
    std::string bad = zip;
    bad[i] = static_cast<char>(bad[i] ^ 0x11);
    try {
      const auto found = npz_member(as_bytes(bad), "natoms", "t");
      CHECK(as_text(found) == a);  // a byte that does not count, or an Error
    } catch (const Error&) {
    }
  }
}

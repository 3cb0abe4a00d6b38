#include "core/io/deflate.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

using namespace atp;

namespace {

std::vector<std::byte> deflated(const std::string& text) {
  std::vector<std::byte> out(text.size() + 100);
  z_stream z = {};
  REQUIRE(::deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

}  // namespace

TEST_CASE("crc32 of zip archives, in pieces too") {
  CHECK(crc32_of(as_bytes("123456789")) == 0xCBF43926);  // the check value of every table of checksums
  CHECK(crc32_of({}) == 0);
  const std::uint32_t first = crc32_of(as_bytes("1234"));
  CHECK(crc32_of(as_bytes("56789"), first) == 0xCBF43926);
  CHECK(crc32_of({}, first) == first);
}

TEST_CASE("inflating needs the length to be right") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i);
  const auto packed = deflated(text);
  std::string out(text.size(), ' ');
  CHECK(inflate_exactly(packed, std::as_writable_bytes(std::span(out))));
  CHECK(out == text);
  std::string longer(text.size() + 1, ' '), shorter(text.size() - 1, ' ');
  CHECK_FALSE(inflate_exactly(packed, std::as_writable_bytes(std::span(longer))));
  CHECK_FALSE(inflate_exactly(packed, std::as_writable_bytes(std::span(shorter))));
  CHECK_FALSE(inflate_exactly(Bytes(packed).first(packed.size() / 2), std::as_writable_bytes(std::span(out))));
  CHECK_FALSE(inflate_exactly({}, std::as_writable_bytes(std::span(out))));
}

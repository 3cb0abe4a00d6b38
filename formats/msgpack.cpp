#include "formats/msgpack.h"

#include <fmt/format.h>

#include <bit>

#include "core/base/error.h"

namespace atp {
namespace {

constexpr unsigned kDeepest = 32;

}  // namespace

void MsgpackReader::fail(std::uint8_t got, std::string_view wanted) { fail_input("", fmt::format("has a byte 0x{:02x} where {} should be", got, wanted)); }

std::uint8_t MsgpackReader::peek() const {
  if (in_.rest().empty()) fail_input("", "ends within a value");
  return std::to_integer<std::uint8_t>(in_.rest()[0]);
}

// A number in network order.
std::uint64_t MsgpackReader::size(unsigned bytes) {
  std::uint64_t n = 0;
  for (const std::byte b : in_.take(bytes, "a number")) n = n << 8 | std::to_integer<std::uint64_t>(b);
  return n;
}

std::uint64_t MsgpackReader::counted(std::uint64_t n) const {
  if (n > in_.rest().size()) fail_input("", fmt::format("claims {} items, {} bytes are left", n, in_.rest().size()));
  return n;
}

std::uint64_t MsgpackReader::map() {
  const std::uint8_t b = peek();
  in_.take(1, "a map");
  if ((b & 0xf0) == 0x80) return counted(b & 15);
  if (b == 0xde) return counted(size(2));
  if (b == 0xdf) return counted(size(4));
  fail(b, "a map");
}

std::uint64_t MsgpackReader::list() {
  const std::uint8_t b = peek();
  in_.take(1, "a list");
  if ((b & 0xf0) == 0x90) return counted(b & 15);
  if (b == 0xdc) return counted(size(2));
  if (b == 0xdd) return counted(size(4));
  fail(b, "a list");
}

std::string_view MsgpackReader::text() {
  const std::uint8_t b = peek();
  in_.take(1, "a text");
  if ((b & 0xe0) == 0xa0) return as_text(in_.take(b & 31, "a text"));
  if (b >= 0xd9 && b <= 0xdb) return as_text(in_.take(size(1U << (b - 0xd9)), "a text"));
  if (b >= 0xc4 && b <= 0xc6) return as_text(in_.take(size(1U << (b - 0xc4)), "a text"));  // bytes for text: old writers
  fail(b, "a text");
}

Bytes MsgpackReader::binary() {
  const std::uint8_t b = peek();
  if (b >= 0xc4 && b <= 0xc6) {
    in_.take(1, "bytes");
    return in_.take(size(1U << (b - 0xc4)), "bytes");
  }
  return as_bytes(text());
}

std::int64_t MsgpackReader::integer() {
  const std::uint8_t b = peek();
  in_.take(1, "a number");
  if (b <= 0x7f) return b;
  if (b >= 0xe0) return static_cast<std::int8_t>(b);
  if (b >= 0xcc && b <= 0xcf) return static_cast<std::int64_t>(size(1U << (b - 0xcc)));
  if (b >= 0xd0 && b <= 0xd3) {
    const unsigned bytes = 1U << (b - 0xd0);
    const std::uint64_t n = size(bytes);
    const unsigned shift = 64 - 8 * bytes;
    return static_cast<std::int64_t>(n << shift) >> shift;
  }
  fail(b, "a whole number");
}

void MsgpackReader::skip(unsigned depth) {
  if (depth > kDeepest) fail_input("", fmt::format("is nested more than {} deep", kDeepest));
  const std::uint8_t b = peek();
  if ((b & 0xf0) == 0x80 || b == 0xde || b == 0xdf) {
    for (std::uint64_t n = 2 * map(); n > 0; --n) skip(depth + 1);
  } else if ((b & 0xf0) == 0x90 || b == 0xdc || b == 0xdd) {
    for (std::uint64_t n = list(); n > 0; --n) skip(depth + 1);
  } else if ((b & 0xe0) == 0xa0 || (b >= 0xd9 && b <= 0xdb) || (b >= 0xc4 && b <= 0xc6)) {
    binary();
  } else if (b == 0xca || b == 0xcb) {
    in_.take(b == 0xca ? 5 : 9, "a number");
  } else if (b == 0xc0 || b == 0xc2 || b == 0xc3) {
    in_.take(1, "a value");
  } else {
    integer();
  }
}

}  // namespace atp

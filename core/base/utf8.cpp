#include "core/base/utf8.h"

namespace atp {

std::optional<char32_t> next_code_point(std::string_view text, std::size_t& pos) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(pos);
  const std::size_t begin = pos++;
  if (first < 0x80) return first;

  std::size_t more = 0;
  char32_t c = 0, smallest = 0;  // anything below `smallest` has a shorter form
  if ((first & 0xE0) == 0xC0) {
    more = 1, c = first & 0x1F, smallest = 0x80;
  } else if ((first & 0xF0) == 0xE0) {
    more = 2, c = first & 0x0F, smallest = 0x800;
  } else if ((first & 0xF8) == 0xF0) {
    more = 3, c = first & 0x07, smallest = 0x10000;
  } else {
    return std::nullopt;
  }
  if (more > text.size() - begin - 1) return std::nullopt;
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(begin + i) & 0xC0) != 0x80) return std::nullopt;
    c = (c << 6) | (byte(begin + i) & 0x3F);
  }
  if (c < smallest || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return std::nullopt;
  pos = begin + 1 + more;
  return c;
}

std::string encode_utf8(char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
  const auto tail = [](char32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | (c >> 6)), tail(c)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | (c >> 12)), tail(c >> 6), tail(c)};
  return {static_cast<char>(0xF0 | (c >> 18)), tail(c >> 12), tail(c >> 6), tail(c)};
}

}  // namespace atp

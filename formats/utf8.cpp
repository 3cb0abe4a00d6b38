#include "formats/utf8.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <iterator>

namespace atp {

namespace {

unsigned at(std::string_view text, std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; }

// Bytes of the character at i; 0 when it is not UTF-8 (overlong forms and surrogates are not).
std::size_t character(std::string_view text, std::size_t i) {
  const unsigned a = at(text, i), b = at(text, i + 1), c = at(text, i + 2), d = at(text, i + 3);
  const auto follows = [](unsigned x) { return (x & 0xC0) == 0x80; };
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a < 0xE0) return follows(b) ? 2 : 0;
  if (a >= 0xE0 && a < 0xF0) {
    if (!follows(b) || !follows(c) || (a == 0xE0 && b < 0xA0) || (a == 0xED && b >= 0xA0)) return 0;
    return 3;
  }
  if (a >= 0xF0 && a < 0xF5) {
    if (!follows(b) || !follows(c) || !follows(d) || (a == 0xF0 && b < 0x90) || (a == 0xF4 && b >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    seen |= eight;
  }
  for (; i < text.size(); ++i) seen |= at(text, i);
  return (seen & 0x8080808080808080) == 0;
}

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = character(text, i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

void replace_bad_utf8(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = character(text, i);
    out.append(n == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(i, n));
    i += n == 0 ? 1 : n;
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace atp

#include "formats/pickle_text.h"

#include <charconv>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8.h"

namespace atp {

void fail_pickle(std::string what) { fail_input("", std::move(what), "atp runs nothing that a pickle asks for; convert it with the program that made it"); }

namespace {

unsigned hex(std::string_view digits) {
  unsigned v = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) fail_pickle("is a damaged pickle: a character has no number");
  return v;
}

}  // namespace

std::string unescaped_text(std::string_view text) {
  std::string out;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const std::size_t digits = text[k] != '\\' || k + 1 == text.size() ? 0 : text[k + 1] == 'u' ? 4 : text[k + 1] == 'U' ? 8 : 0;
    if (digits > 0 && k + 2 + digits <= text.size()) {
      out += encode_utf8(static_cast<char32_t>(hex(text.substr(k + 2, digits))));
      k += 1 + digits;
    } else {
      out += encode_utf8(static_cast<unsigned char>(text[k]));
    }
  }
  return out;
}

std::string unquoted_text(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back() || (text[0] != '\'' && text[0] != '"')) fail_pickle("is a damaged pickle: a text has no quotes");
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t k = 0; k < text.size(); ++k) {
    if (text[k] != '\\' || k + 1 == text.size()) {
      out += text[k];
      continue;
    }
    const char c = text[++k];
    if (c == 'x' && k + 2 < text.size()) {
      out += static_cast<char>(hex(text.substr(k + 1, 2)));
      k += 2;
    } else {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
  }
  return out;
}

std::string bytes_of_latin1(std::string_view text) {
  std::string out;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const auto c = static_cast<unsigned char>(text[k]);
    if (c < 0x80) {
      out += text[k];
    } else if ((c == 0xC2 || c == 0xC3) && k + 1 < text.size()) {
      out += static_cast<char>((c & 3U) << 6 | (static_cast<unsigned char>(text[++k]) & 0x3FU));
    } else {
      fail_pickle("has bytes written as a text that is not latin-1");
    }
  }
  return out;
}

}  // namespace atp

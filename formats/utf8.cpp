#include "formats/utf8.h"

#include <cstdint>
#include <cstring>

#include "core/base/utf8.h"

namespace atp {

namespace {

bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    seen |= eight;
  }
  for (; i < text.size(); ++i) seen |= static_cast<unsigned char>(text[i]);
  return (seen & 0x8080808080808080) == 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  for (std::size_t i = 0; i < text.size();) {
    if (!next_code_point(text, i)) return false;
  }
  return true;
}

void replace_bad_utf8(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    const bool good = next_code_point(text, i).has_value();
    out.append(good ? text.substr(begin, i - begin) : std::string_view("\xEF\xBF\xBD"));
  }
}

}  // namespace atp

// Pieces of an input inside messages.
#pragma once

#include <string>
#include <string_view>

namespace atp {

// `text` for a message: at most 40 bytes, and '?' for what is not excerpt ASCII, for an input may
// hold anything and the terminal must not obey it.
inline std::string excerpt(std::string_view text) {
  constexpr std::size_t kMost = 40;
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  std::string out(text.substr(0, kMost));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  if (text.size() > kMost) out += "...";
  return out;
}

}  // namespace atp

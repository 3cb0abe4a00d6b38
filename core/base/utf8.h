// UTF-8 from unknown hands: names and keys come out of files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace atp {

// The code point at text[pos], and pos moved behind it. Nothing when the bytes there are not valid
// UTF-8 (overlong forms, surrogates and what lies past U+10FFFF included); pos then moves by one byte.
// Requires pos < text.size().
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& pos);

// The UTF-8 bytes of a code point; what is none gives those of U+FFFD.
std::string encode_utf8(char32_t c);

}  // namespace atp

// Text of inputs that should be UTF-8 and may not be.
#pragma once

#include <string>
#include <string_view>

namespace atp {

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);
// U+FFFD in place of each byte that is not UTF-8. `text` must not lie in `out`.
void replace_bad_utf8(std::string_view text, std::string& out);

// Appends `text` as a JSON string with quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace atp

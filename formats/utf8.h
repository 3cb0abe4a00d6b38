// Text of inputs that should be UTF-8 and may not be.
#pragma once

#include <string>
#include <string_view>

namespace atp {

// Fast for ASCII, which nearly all inputs are.
bool is_utf8(std::string_view text);
// U+FFFD in place of each byte that is not UTF-8. `text` must not lie in `out`.
void replace_bad_utf8(std::string_view text, std::string& out);

}  // namespace atp

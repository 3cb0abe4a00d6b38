// How pickles write texts and bytes, and the error of pickles. Private to pickle.
#pragma once

#include <string>
#include <string_view>

namespace atp {

// Error (exit 3, no place) with the advice that all pickles get.
[[noreturn]] void fail_pickle(std::string what);

// Python's raw-unicode-escape: latin-1, and \uXXXX for what is not. Throws Error as fail_pickle().
std::string unescaped_text(std::string_view text);

// Python 2's texts, as repr() writes them, quotes included. Throws Error as fail_pickle().
std::string unquoted_text(std::string_view text);

// Old pickles write bytes as a text (UTF-8) whose characters are below 256. Throws Error as fail_pickle().
std::string bytes_of_latin1(std::string_view text);

}  // namespace atp

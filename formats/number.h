// Numbers as programs write them in text files, read exactly.
#pragma once

#include <cstdint>
#include <string_view>

namespace atp {

// Reads a real number at `p` and returns where it ends; nullptr when there is none. Always the
// nearest double, as strtod gives it (out of range: infinity or zero), whatever the locale.
// A sign, exponents with e E d D, nan, inf and infinity in any case; no hexadecimal.
// The caller checks that what follows may follow a number.
const char* read_real(const char* p, const char* end, double& value);

// The same for a decimal integer with an optional sign; nullptr also when it does not fit.
const char* read_integer(const char* p, const char* end, std::int64_t& value);

// The whole text must be the number.
bool parse_real(std::string_view text, double& value);
bool parse_integer(std::string_view text, std::int64_t& value);

// The logicals of extended XYZ: T, F, true, False, TRUE ...
bool parse_logical(std::string_view text, bool& value);

}  // namespace atp

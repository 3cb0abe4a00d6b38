// "1 record", "1,234 records": numbers of things in sentences.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "cmd/terminal.h"

namespace atp {

// `one` is the word for a single one; an s makes it many.
inline std::string counted(std::uint64_t n, std::string_view one) { return fmt::format("{} {}{}", human_count(n), one, n == 1 ? "" : one.ends_with("ch") ? "es" : "s"); }

}  // namespace atp

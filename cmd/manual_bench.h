// What `man atp-bench` says: long enough to be a file of its own.
#pragma once

#include <string_view>

namespace atp {

inline constexpr std::string_view kBenchDetails = "TODO";

}  // namespace atp

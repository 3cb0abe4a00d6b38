// The periodic table, as far as readers and statistics need it.
#pragma once

#include <optional>
#include <string_view>

namespace atp {

inline constexpr int kElements = 118;

// "H" for 1 ... "Og" for 118; "X" for 0; "?" beyond.
std::string_view element_symbol(int atomic_number);

// The atomic number of an exactly written symbol ("H", "Fe"); nothing when there is none.
// Fast: used once an atom.
std::optional<int> atomic_number_of(std::string_view symbol);

}  // namespace atp

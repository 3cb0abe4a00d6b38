// Names of values that are a frame's, however many atoms it has.
#pragma once

#include <cstddef>
#include <string_view>

namespace atp {

// Whether a value of that name is the frame's though its first dimension may be the number of atoms: a dipole of three
// numbers, a k-point mesh. `rank` is how many dimensions the value has in a frame: a dipole of two is the atoms'.
// Upper and lower case are the same. Thread-safe.
bool is_name_of_frame(std::string_view name, std::size_t rank);

// Whether a value of that name is one number for each pair of atoms, [n, n] whatever n is: bond orders, distances. Thread-safe.
bool is_name_of_pairs(std::string_view name);

}  // namespace atp

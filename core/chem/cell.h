// What a cell spans.
#pragma once

#include <array>

namespace atp {

// The volume of a cell whose rows are lattice vectors, in the cube of their unit. Exactly 0 when they
// are flat: the determinant of such cells often misses zero by rounding. Not finite when a number is not.
double cell_volume(const std::array<double, 9>& rows);

}  // namespace atp

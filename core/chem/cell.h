// Cells as rows of lattice vectors.
#pragma once

#include <array>

namespace atp {

// In the cube of the vectors' unit; never negative.
double volume_of(const std::array<double, 9>& cell);

// Whether the vectors span a volume. Flat cells often miss zero by rounding: they have none.
bool has_volume(const std::array<double, 9>& cell);

}  // namespace atp

// The property move_mask, which atoms may move: 1 where they may, 0 where they are fixed, of each atom along x, y and z
// ([n, 3], i32). Where the directions are those of lattice vectors, and these are others, the record says so: the text
// move_mask_axes is "lattice". A POSCAR's selective dynamics and ASE's FixScaled are of that kind.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/atp/structure.h"

namespace atp {

inline constexpr std::string_view kMaskAxes = "move_mask_axes", kLatticeAxes = "lattice";

// Brings whole numbers of 0 and 1, [n] or [n, 3], to that shape and type, so that inputs of either kind can be one
// dataset. What is something else stays as it is.
void settle_move_mask(Structure& structure);

// Whether some atom of a mask [n, 3] is fixed in one direction and not in another.
bool fixes_in_part(std::span<const std::int32_t> mask);

// The cell of a structure, where it has one.
std::optional<std::array<double, 9>> cell_of(const Structure& structure);

// Whether the vectors of a cell (rows) lie along x, y and z.
bool is_along_axes(const std::array<double, 9>& cell);

// The mask [n, 3] of lattice directions, and move_mask_axes where it makes a difference. The cell is there already.
void put_lattice_mask(Structure& structure, std::span<const std::int32_t> mask);

// What ASE's constraints (JSON text) say the same: FixAtoms, FixCartesian or, of a `lattice`, FixScaled. Empty when
// nothing is fixed.
std::string constraints_of_mask(std::span<const std::int32_t> mask, const std::array<double, 9>* lattice);

}  // namespace atp

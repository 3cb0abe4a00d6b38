// The property move_mask, which atoms may move: 1 where they may, 0 where they are fixed, of each atom along x, y and z
// ([n, 3], i32), or along the lattice vectors where a POSCAR's selective dynamics say so.
#pragma once

#include "core/atp/structure.h"

namespace atp {

// Brings whole numbers of 0 and 1, [n] or [n, 3], to that shape and type, so that inputs of either kind can be one
// dataset. What is something else stays as it is.
void settle_move_mask(Structure& structure);

}  // namespace atp

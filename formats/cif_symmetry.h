// The symmetry of a CIF block: which operations make all atoms of the cell from those that it lists.
// Private to formats/cif.cpp.
#pragma once

#ifdef ATP_HAVE_GEMMI

#include <gemmi/cif.hpp>
#include <gemmi/smcif.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atp {

// "1/2+x, y-x, -z" and the like (CIF core dictionary, _space_group_symop_operation_xyz), with decimals, any order and any
// case; nothing when it is none. Acts on fractional coordinates.
std::optional<gemmi::Transform> symmetry_operation(std::string_view text);

struct CifSymmetry {
  std::vector<gemmi::FTransform> images;  // all operations but the identity
  std::string note;                       // what had to be assumed; empty when nothing
};

// From what the block states, the most explicit first: its list of operations (those of magnetic groups with their
// centerings), its Hall symbol, its Hermann-Mauguin symbol, its number in the International Tables. A block that states
// nothing is taken as it is, and says so in the note. Throws Error (exit 3) for an operation that is none, too many
// of them, and a space group that is not known.
CifSymmetry symmetry_of(gemmi::cif::Block& block, const gemmi::SmallStructure& crystal);

}  // namespace atp

#endif

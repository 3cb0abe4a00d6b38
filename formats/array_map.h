// What --npz-map and --hdf5-map name, held against the arrays that are there.
#pragma once

#include <span>
#include <string>

#include "formats/array_frames.h"

namespace atp {

// Arrays of `frames` frames (with `single`: one, without a dimension for it) of `atoms` atoms each, padding included; with
// `joined` of `atoms` atoms in all, one frame's after the other's.
struct FrameShape {
  std::uint64_t frames, atoms;
  bool single, joined = false;
};

// Throws Error (exit 3, at `where`) for an array that the map names and whose shape or type is not that of what it shall
// be; the message has the array, its shape and the one needed. Names that are not there are somebody else's matter.
void check_array_map(const ArrayMap& map, std::span<const FrameArray> arrays, const FrameShape& shape, const std::string& where);

}  // namespace atp

// Extended and plain XYZ. The names taken for energy, forces and the rest: field_rules.cpp.
#pragma once

#include <memory>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/format.h"

namespace atp {

// 3 when the comment has Properties or Lattice, 2 for anything that begins with a count.
int sniff_extxyz(std::string_view head);
// 1: the reader of extended XYZ reads plain frames too, so this row is for who asks for it.
int sniff_xyz(std::string_view head);

// Each frame is read as what its comment says it is. Frame numbers in messages count from 0, as in
// --records, lines from 1.
std::unique_ptr<FormatReader> open_extxyz(std::unique_ptr<ByteSource> source, const ReadOptions& options);
// Comments are text and atom lines are species x y z, whatever they look like.
std::unique_ptr<FormatReader> open_xyz(std::unique_ptr<ByteSource> source, const ReadOptions& options);

}  // namespace atp

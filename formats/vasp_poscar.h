// POSCAR, and what XDATCAR and CHGCAR take over from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/line_reader.h"
#include "formats/serial_reader.h"

namespace atp {

// Everything above the positions.
struct PoscarHead {
  std::string comment;
  std::array<double, 9> cell = {};             // rows, Å
  std::array<double, 3> scale = {1, 1, 1};     // of Cartesian coordinates
  std::vector<std::uint8_t> atomic_numbers;    // empty when the file names no elements (VASP 4)
  std::vector<std::uint64_t> counts;           // of each species
  std::uint64_t atoms = 0;
  bool from_comment = false;                   // the elements stand in the comment
};

// Reads up to and including the counts. Throws Error (exit 3) naming the line.
PoscarHead read_poscar_head(LineReader& lines);

// 3 for a POSCAR (a CHGCAR is one), 0 for anything else. XDATCAR is told apart by its "Direct configuration".
bool looks_like_poscar(std::string_view head);
bool looks_like_xdatcar(std::string_view head);
// A POSCAR with a grid behind its positions, as far as the head reaches.
bool has_grid(std::string_view head);

std::unique_ptr<FormatReader> open_poscar(std::unique_ptr<ByteSource> source);
std::unique_ptr<FormatReader> open_xdatcar(std::unique_ptr<ByteSource> source);

// Fractional coordinates [n, 3] to Cartesian ones, in place.
void to_cartesian(std::vector<double>& xyz, const std::array<double, 9>& cell);

}  // namespace atp

// JSON tables: a list of structures with lists of energies and the rest beside it, and what pandas writes.
#pragma once

#include <simdjson.h>

#include <vector>

#include "formats/json_frames.h"

namespace atp {

// The rows of a table as frames, in order. False, and nothing is added, when `e` is none of
//   {"structures": [...], "energies": [...], "forces": [...]}, where one of the lists is named for a field,
//   {"structure": {"0": ..., "1": ...}, "energy": {"0": ..., "1": ...}},
//   {"columns": ["structure", "energy"], "index": [...], "data": [[..., ...], ...]}.
// What is no list belongs to every row. Throws Error (exit 3, no place): columns of different length, by name.
bool add_table(simdjson::dom::element e, std::vector<JsonFrame>& out);

// In a list of energies each is the energy of one.
std::string_view name_of_table_cell(std::string_view column);

}  // namespace atp

// Parts of pymatgen's documents that its layouts share. Private to formats/json_*.cpp.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/atp/structure.h"

namespace atp {

// A list, or what monty makes of NumPy's arrays.
std::optional<simdjson::dom::array> json_list(simdjson::dom::element e);
// The list under `key`; nothing when `e` is no object or has none.
std::optional<simdjson::dom::array> json_list_at(simdjson::dom::element e, std::string_view key);

// Whether it is a Structure or Molecule.
bool is_sites(simdjson::dom::element e);

// "Fe", "Fe3+", "O2-": what follows the symbol is a charge or an isotope's label. 0 for dummies. Throws Error (exit 3, no place).
std::uint8_t element_of_species(std::string_view text);

// Fractional coordinates to Å, in place; nothing changes without a cell.
void to_cartesian(const Structure& structure, double* r);

}  // namespace atp

// What the atoms of JSON records are read with.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/atp/structure.h"

namespace atp {

// A list, or what monty makes of NumPy's arrays; nothing for anything else. The second: of the member of that name.
std::optional<simdjson::dom::array> json_list(simdjson::dom::element e);
std::optional<simdjson::dom::array> json_list_at(simdjson::dom::element e, std::string_view key);

// Whether it is a Structure or Molecule of pymatgen.
bool is_json_sites(simdjson::dom::element e);

// The atomic number of "Fe", "Fe3+", "O2-": what follows the symbol is a charge or an isotope's label. 0 for dummies
// (X...). Throws Error (exit 3, no place) for what is no element.
std::uint8_t element_of_species(std::string_view text);

// Three fractional coordinates to Cartesian ones, in place, where the structure has a cell.
void from_fractional(const Structure& structure, double* r);

}  // namespace atp

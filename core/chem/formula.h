// How many atoms of which elements, and the formula that says so.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/byte_reader.h"

namespace atp {

class Composition {
 public:
  Composition() = default;
  // [n] u8, as in a record.
  explicit Composition(Bytes atomic_numbers);

  // What formula() wrote; elements may stand in any order, and more than once. Nothing when the text
  // is no such formula.
  static std::optional<Composition> parse(std::string_view formula);

  std::uint64_t of(std::uint8_t atomic_number) const { return atoms_[atomic_number]; }
  int n_elements() const;

  // In Hill order, as ASE's get_chemical_formula() writes it: with carbon C, H and the others by symbol,
  // without carbon all by symbol; "C2H6O", "NaCl". X is atomic number 0, [119] a number beyond the
  // periodic table. Empty without atoms.
  std::string formula() const;

 private:
  std::array<std::uint64_t, 256> atoms_{};  // by atomic number
};

}  // namespace atp

#include "core/chem/elements.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace atp {

namespace {

constexpr std::array<std::string_view, kElements + 1> kSymbols = {
    "X",  "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",
    "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn",
    "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
    "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po",
    "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md",
    "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

// A symbol is a capital and perhaps a small letter: a table of 26 x 27 answers without comparing.
constexpr std::uint8_t kNone = 255;

constexpr std::size_t slot(char first, char second) {
  return static_cast<std::size_t>(first - 'A') * 27 + static_cast<std::size_t>(second == 0 ? 0 : second - 'a' + 1);
}

constexpr std::array<std::uint8_t, std::size_t{26} * 27> make_table() {
  std::array<std::uint8_t, std::size_t{26}* 27> table = {};
  table.fill(kNone);
  for (std::size_t z = 0; z < kSymbols.size(); ++z) {
    const std::string_view s = kSymbols[z];
    table[slot(s[0], s.size() > 1 ? s[1] : '\0')] = static_cast<std::uint8_t>(z);
  }
  return table;
}

constexpr auto kTable = make_table();

}  // namespace

std::string_view element_symbol(int atomic_number) {
  if (atomic_number < 0 || atomic_number > kElements) return "?";
  return kSymbols[static_cast<std::size_t>(atomic_number)];
}

std::optional<int> atomic_number_of(std::string_view symbol) {
  if (symbol.empty() || symbol.size() > 2 || symbol[0] < 'A' || symbol[0] > 'Z') return std::nullopt;
  if (symbol.size() == 2 && (symbol[1] < 'a' || symbol[1] > 'z')) return std::nullopt;
  const std::uint8_t z = kTable[slot(symbol[0], symbol.size() == 2 ? symbol[1] : '\0')];
  if (z == kNone) return std::nullopt;
  return z;
}

}  // namespace atp

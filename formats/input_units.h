// The units of an input's numbers, and what they are multiplied with.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/chem/units.h"
#include "formats/format.h"

namespace atp {

// A quantity by the name it has in --units and in messages: energy, length, forces, stress, charge, velocity.
std::string_view quantity_name(Quantity quantity);

struct Conversion {
  double factor = 1;  // to atp's unit
  std::string how;    // "hartree to eV, by attribute 'units'": for FrameSink::mapped; empty: nothing to say
};

// What is known about the units of one input. Of several sources the first counts: --units, what the
// input says (the attribute of a data set, metadata), what its layout is known to be in. Without a
// word on forces and stress these are energy/length and energy/length³. Copy it for a part of an
// input with units of its own. One thread; const calls from any.
class InputUnits {
 public:
  // Throws Error (exit 2): --units with a quantity or unit that does not exist.
  explicit InputUnits(const ReadOptions& options);

  // The input's own word: `unit` as written, and where it is ("attribute 'units'", "the ANI-1x layout").
  // An empty `by`: the format has always these units, so nothing is said about it. A second word
  // about a quantity replaces the first. Throws Error (exit 3, no place) when atp
  // knows no such unit and --units does not name one.
  void declare(Quantity quantity, std::string_view unit, std::string_view by);

  // Nothing when neither the user nor the input says what it is in.
  // It is asked for every frame: the texts are made when units are declared.
  const std::optional<Conversion>& find(Quantity quantity) const;
  // Throws Error (exit 3, no place) instead: `found` lists what the input holds ("coordinates (5 x 9 x 3), energies (5)").
  Conversion need(Quantity quantity, std::string_view found) const;

 private:
  struct Word {
    std::string unit, by;
    double factor = 1;
  };
  const std::optional<Word>& word(Quantity q, bool asked) const;
  std::optional<Conversion> derived(Quantity quantity, bool asked) const;

  std::optional<Conversion> look_up(Quantity quantity) const;
  void look_up_all();

  std::array<std::optional<Word>, kQuantities> asked_, declared_;
  std::array<std::optional<Conversion>, kQuantities> known_;
};

// "from 'dft_energy' (hartree to eV, by attribute 'units')", or without what is in parentheses.
std::string from_key(std::string_view key, const Conversion& conversion);

// Declares eV, Å, eV/Å, eV/Å³, e and sqrt(eV/u), as formats of ASE and its kind always have them.
void declare_standard_units(InputUnits& units);

// Velocities that say nothing of their unit, by their name: `velo` and `vel` are A/fs, as QUIP and GPUMD write them, others
// sqrt(eV/u), as ASE has them. What `units` were told goes before.
Conversion velocity_conversion(std::string_view key, const InputUnits& units);

// Reads "energy=hartree,length=bohr" into options.units. A stress may have the other sign than ASE's: "stress=-kB" is VASP's. Throws Error (exit 2).
void parse_units(std::string_view text, ReadOptions& options);

}  // namespace atp

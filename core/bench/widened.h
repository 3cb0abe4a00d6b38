// Molecules in the types that ASE keeps them in (f64, i32), and back. Private to core/bench.
#pragma once

#include <vector>

#include "core/base/little.h"
#include "core/bench/molecule.h"

namespace atp {

struct WidenedMolecule {
  std::vector<std::int32_t> numbers;
  std::vector<double> positions, forces;

  void from(const Molecule& m) {
    numbers.resize(m.atoms);
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<std::uint8_t>(m.numbers[k]);
    widen(m.positions, positions);
    widen(m.forces, forces);
  }

 private:
  static void widen(Bytes floats, std::vector<double>& out) {
    out.resize(floats.size() / 4);
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = static_cast<double>(load<float>(floats.data() + 4 * k));
  }
};

struct NarrowedMolecule {
  std::vector<std::byte> numbers;
  std::vector<float> positions, forces;

  void resize(std::size_t atoms) {
    numbers.resize(atoms);
    positions.resize(3 * atoms);
    forces.resize(3 * atoms);
  }
  template <class Fn>
  void give(std::size_t atoms, double energy, Fn&& fn) const {
    fn(atoms, numbers.data(), std::as_bytes(std::span(positions)).data(), std::as_bytes(std::span(forces)).data(), energy);
  }
};

}  // namespace atp

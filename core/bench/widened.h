// Molecules in the types that ASE keeps them in (f64, i32), and back. Private to core/bench.
#pragma once

#include <fmt/format.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "core/base/little.h"
#include "core/bench/molecule.h"

namespace atp {

struct WidenedMolecule {
  std::vector<std::int32_t> numbers;
  std::vector<double> positions, forces;
  std::array<double, 5> custom_numbers{};     // band_gap, total_charge, dipole
  std::vector<double> magmoms, bader_charges;

  // band_gap and total_charge as ASE's key-value pairs, in JSON.
  std::string pairs() const { return fmt::format("{{\"band_gap\": {}, \"total_charge\": {}}}", custom_numbers[0], custom_numbers[1]); }

  void from(const Molecule& m) {
    if (!m.custom.empty()) {
      std::memcpy(custom_numbers.data(), m.custom.data(), 40);
      widen(m.custom.subspan(40, 4 * std::size_t{m.atoms}), magmoms);
      widen(m.custom.subspan(40 + 4 * std::size_t{m.atoms}), bader_charges);
    }
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
  std::vector<double> custom_numbers;  // band_gap, total_charge, dipole
  std::vector<float> custom_arrays;    // magmom, bader_charge

  void resize(std::size_t atoms) {
    numbers.resize(atoms);
    positions.resize(3 * atoms);
    forces.resize(3 * atoms);
  }
  template <class Fn>
  void give(std::size_t atoms, double energy, bool with_custom, Fn&& fn) const {
    const std::array<Bytes, 2> parts = {std::as_bytes(std::span(custom_numbers)), std::as_bytes(std::span(custom_arrays))};
    fn(MoleculeView{atoms, numbers.data(), std::as_bytes(std::span(positions)).data(), std::as_bytes(std::span(forces)).data(), energy,
                    std::span(parts).first(with_custom ? parts.size() : 0)});
  }
};

}  // namespace atp

// A molecule as one run of bytes: the value that the key-value stores hold.
#pragma once

#include "core/base/error.h"
#include "core/bench/molecule.h"

namespace atp {

// u32 atoms, f64 energy, 9 f64 cell, 3 u8 pbc, numbers, positions, forces, custom; little-endian, without gaps.
inline constexpr std::size_t kPackedHead = 4 + 8 + 72 + 3;

inline std::size_t packed_size(const Molecule& m) { return kPackedHead + 25 * std::size_t{m.atoms} + m.custom.size(); }

// `out` has packed_size() bytes.
inline void pack_molecule(const Molecule& m, std::byte* out) {
  std::memcpy(out, &m.atoms, 4);
  std::memcpy(out + 4, &m.energy, 8);
  std::memcpy(out + 12, m.cell.data(), 72);
  std::memcpy(out + 84, m.pbc.data(), 3);
  out += kPackedHead;
  for (const Bytes part : {m.numbers, m.positions, m.forces, m.custom}) {
    if (!part.empty()) std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
}

// Calls fn(MoleculeView). Throws Error (exit 3) when the bytes are too few.
template <class Fn>
void unpack_molecule(Bytes packed, Fn&& fn) {
  if (packed.size() < kPackedHead) fail_input("", "a packed molecule is cut short");
  const auto n = load<std::uint32_t>(packed.data());
  if (packed.size() < kPackedHead + 25 * std::size_t{n}) fail_input("", "a packed molecule is cut short");
  const std::byte* at = packed.data() + kPackedHead;
  const Bytes custom = packed.subspan(kPackedHead + 25 * std::size_t{n});
  fn(MoleculeView{n, at, at + n, at + 13 * std::size_t{n}, load<double>(packed.data() + 4), {&custom, custom.empty() ? 0u : 1u}});
}

}  // namespace atp

// A molecule as the benchmark hands it to every way of storing, and what a reader takes from it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// Borrows its arrays. The fields are those of the Atompack paper's benchmark.
struct Molecule {
  std::uint32_t atoms = 0;
  Bytes numbers;    // [atoms] u8
  Bytes positions;  // [atoms, 3] f32
  Bytes forces;     // [atoms, 3] f32
  double energy = 0;
  std::array<double, 9> cell{};
  std::array<std::uint8_t, 3> pbc{};
  Bytes custom;  // empty, or custom_bytes(atoms): see CustomProperties
};

// Five properties on top (--custom): the numbers band_gap and total_charge (f64), the vector dipole (3 f64), and of
// every atom magmom and bader_charge (f32), in this order.
constexpr std::size_t custom_bytes(std::uint32_t atoms) { return 40 + 8 * std::size_t{atoms}; }
inline constexpr std::size_t kCustomProperties = 5;

// What a store found of a molecule. Borrows all of it.
struct MoleculeView {
  std::size_t atoms;
  const std::byte* numbers;    // [atoms] u8
  const std::byte* positions;  // [atoms, 3] f32
  const std::byte* forces;     // [atoms, 3] f32
  double energy;
  std::span<const Bytes> custom = {};  // the properties of --custom in any number of parts and in any order; none without
};

// The 32-bit words added up, whatever they stand for, modulo 2^32: exact in any order and on any number of lanes,
// and as fast as adding floats, which a training loop would do.
inline std::uint32_t sum_words(const std::byte* words, std::size_t count) {
  using Lanes = std::uint32_t __attribute__((vector_size(16)));  // g++ and clang; of plain loops they make slow code for few words
  Lanes sums[4] = {};  // one would wait for itself
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += load<Lanes>(words + 4 * i + 16 * k);
  }
  for (; i + 4 <= count; i += 4) sums[0] += load<Lanes>(words + 4 * i);
  std::uint32_t sum = 0;
  for (; i < count; ++i) sum += load<std::uint32_t>(words + 4 * i);
  const Lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return sum + all[0] + all[1] + all[2] + all[3];
}

inline std::uint32_t sum_bytes(const std::byte* bytes, std::size_t count) {
  constexpr std::uint64_t kEven = 0x00ff00ff00ff00ff;
  std::uint64_t sum = 0;
  std::size_t i = 0;
  while (i + 8 <= count) {
    std::uint64_t lanes = 0;  // four of 16 bits, which hold 128 times two bytes
    for (const std::size_t end = std::min(i + 1024, count / 8 * 8); i < end; i += 8) {
      const auto word = load<std::uint64_t>(bytes + i);
      lanes += (word & kEven) + (word >> 8 & kEven);
    }
    sum += (lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48);
  }
  for (; i < count; ++i) sum += static_cast<std::uint8_t>(bytes[i]);
  return static_cast<std::uint32_t>(sum);
}

// What every reader computes of what it was given, a molecule or a batch: all of numbers, positions, forces, energies and
// custom properties takes part. Parts of a batch can be joined.
struct Touched {
  std::uint32_t words = 0;  // of positions, forces and custom properties
  std::uint64_t rest = 0;

  std::uint64_t value() const { return rest + words; }
  void join(const Touched& other) {
    words += other.words;
    rest += other.rest;
  }
};

inline std::uint64_t bits_of(double number) {
  std::uint64_t bits;
  std::memcpy(&bits, &number, 8);
  return bits;
}

inline Touched touch(const MoleculeView& m) {
  Touched all{sum_words(m.positions, 3 * m.atoms) + sum_words(m.forces, 3 * m.atoms), bits_of(m.energy) + m.atoms + sum_bytes(m.numbers, m.atoms)};
  for (const Bytes part : m.custom) all.words += sum_words(part.data(), part.size() / 4);
  return all;
}

// The checksum of a pass: the places in the list count, so that another order is another sum.
class PassSum {
 public:
  // `before`: how many places of the list another thread has.
  explicit PassSum(std::uint64_t before = 0) : weight_(2 * before + 1) {}
  void add(const Touched& touched) {
    sum_ += weight_ * touched.value();
    weight_ += 2;
  }
  std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_ = 0, weight_;
};

// Molecules side by side in flat arrays, as trainers want them: what stores without batches of their own fill.
class FlatBatch {
 public:
  void clear() {
    atoms_ = 0;
    energies_.clear();
    custom_.clear();
  }
  void add(const MoleculeView& m) {
    const std::size_t end = atoms_ + m.atoms;
    if (numbers_.size() < end) {
      numbers_.resize(2 * end);
      positions_.resize(24 * end);
      forces_.resize(24 * end);
    }
    if (m.atoms != 0) {
      std::memcpy(numbers_.data() + atoms_, m.numbers, m.atoms);
      std::memcpy(positions_.data() + 12 * atoms_, m.positions, 12 * m.atoms);
      std::memcpy(forces_.data() + 12 * atoms_, m.forces, 12 * m.atoms);
    }
    energies_.push_back(m.energy);
    for (const Bytes part : m.custom) custom_.insert(custom_.end(), part.begin(), part.end());
    atoms_ = end;
  }
  // Of all of them together.
  Touched touched() const {
    Touched all = touch_batch(atoms_, energies_.size(), numbers_.data(), positions_.data(), forces_.data(), energies_.data());
    all.words += sum_words(custom_.data(), custom_.size() / 4);
    return all;
  }

  static Touched touch_batch(std::size_t atoms, std::size_t molecules, const std::byte* numbers, const std::byte* positions,
                             const std::byte* forces, const double* energies) {
    Touched all = touch({atoms, numbers, positions, forces, 0.0});
    for (std::size_t i = 0; i < molecules; ++i) all.rest += bits_of(energies[i]);
    return all;
  }

 private:
  std::size_t atoms_ = 0;
  std::vector<std::byte> numbers_, positions_, forces_, custom_;
  std::vector<double> energies_;
};

// Molecules that own their arrays.
class MoleculeChunk {
 public:
  void clear() {
    bytes_.clear();
    molecules_.clear();
    starts_.clear();
  }
  std::size_t size() const { return starts_.size(); }
  std::size_t bytes() const { return bytes_.size(); }

  // Room for one more of so many atoms: numbers, positions, forces, and custom_bytes() with `custom`, side by side.
  std::byte* add(const Molecule& fixed, bool custom) {
    starts_.push_back(bytes_.size());
    molecules_.push_back(fixed);
    bytes_.resize(bytes_.size() + 25 * std::size_t{fixed.atoms} + (custom ? custom_bytes(fixed.atoms) : 0));
    return bytes_.data() + starts_.back();
  }
  // Valid until the next add() or clear().
  std::span<const Molecule> molecules() {
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      Molecule& m = molecules_[i];
      const std::size_t n = m.atoms, end = i + 1 < starts_.size() ? starts_[i + 1] : bytes_.size();
      const Bytes all = Bytes(bytes_).subspan(starts_[i], end - starts_[i]);
      m.numbers = all.first(n);
      m.positions = all.subspan(n, 12 * n);
      m.forces = all.subspan(13 * n, 12 * n);
      m.custom = all.subspan(25 * n);
    }
    return molecules_;
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> starts_;
  std::vector<Molecule> molecules_;
};

}  // namespace atp

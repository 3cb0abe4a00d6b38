// Records side by side in flat arrays, as trainers want a batch of graphs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "core/atp/batch_reader.h"
#include "core/atp/builtin_finder.h"

namespace atp {

// Memory that begins on a cache line, only ever grows, and is not cleared.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept : memory_(std::move(other.memory_)), capacity_(std::exchange(other.capacity_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  // At least `bytes` bytes from then on; what was there stays.
  void reserve(std::size_t bytes);
  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t capacity_ = 0;
};

// What a batch shall hold. Fields that are not asked for are not read.
struct BatchFields {
  bool atomic_numbers = true, positions = true, energy = true, forces = true;
  bool cell = false, pbc = false, stress = false;
  Scalar real = Scalar::f32;  // of positions and forces: f32 or f64; converted where the file has the other
};

// One thread. Memory is kept from batch to batch, so a steady stream of batches allocates nothing.
// Spans are valid until the next gather(). What a record does not have is NaN (energy, forces, stress)
// or zero (cell, pbc).
class PackedBatch {
 public:
  explicit PackedBatch(BatchFields fields = {}) : fields_(fields) {}

  // The records at `indices`, in that order. Throws Error as BatchReader::for_each(); the batch is then empty.
  void gather(BatchReader& reader, std::span<const std::uint64_t> indices);
  void gather(BatchReader& reader, std::span<const std::int64_t> indices) { gather(reader, BatchReader::as_unsigned(indices)); }

  std::size_t graphs() const { return graphs_; }
  std::uint64_t atoms() const { return graphs_ == 0 ? 0 : static_cast<std::uint64_t>(offsets()[graphs_]); }

  // Atoms [offsets[g], offsets[g + 1]) are those of graph g.
  std::span<const std::int64_t> offsets() const;         // [graphs + 1]
  std::span<const std::uint8_t> atomic_numbers() const;  // [atoms]
  template <class Real>                                  // float or double, as fields.real says
  std::span<const Real> positions() const { return reals<Real>(positions_, 3 * atoms()); }  // [atoms, 3] Å
  template <class Real>
  std::span<const Real> forces() const { return reals<Real>(forces_, 3 * atoms()); }        // [atoms, 3] eV/Å
  std::span<const double> energy() const;        // [graphs] eV
  std::span<const double> cell() const;          // [graphs, 3, 3] Å, rows are lattice vectors
  std::span<const double> stress() const;        // [graphs, 3, 3] eV/Å³
  std::span<const std::uint8_t> pbc() const;     // [graphs, 3]

 private:
  template <class Real>
  static std::span<const Real> reals(const AlignedBuffer& b, std::uint64_t n) {
    return {reinterpret_cast<const Real*>(b.data()), static_cast<std::size_t>(n)};
  }
  void make_room(std::uint64_t atoms);
  void add(std::size_t graph, const RecordView& record, Prefetcher& prefetcher);

  BatchFields fields_;
  std::size_t graphs_ = 0;
  std::uint64_t filled_ = 0;  // atoms so far
  std::uint64_t room_ = 0;    // for so many
  BuiltinFinder finder_;
  AlignedBuffer offsets_, atomic_numbers_, positions_, forces_, energy_, cell_, stress_, pbc_;
};

}  // namespace atp

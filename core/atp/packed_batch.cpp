#include "core/atp/packed_batch.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/atp/reals.h"

namespace atp {
namespace {

constexpr std::align_val_t kLine{64};

}  // namespace

void AlignedBuffer::Free::operator()(std::byte* p) const { ::operator delete[](p, kLine); }

void AlignedBuffer::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  const std::size_t capacity = std::max(bytes, capacity_ * 2);
  std::unique_ptr<std::byte[], Free> larger(static_cast<std::byte*>(::operator new[](capacity, kLine)));
  if (capacity_ != 0) std::memcpy(larger.get(), memory_.get(), capacity_);
  memory_ = std::move(larger);
  capacity_ = capacity;
}

void PackedBatch::gather(BatchReader& reader, std::span<const std::uint64_t> indices) {
  graphs_ = 0;
  filled_ = 0;
  if (offsets_.data() == nullptr) room_ = 0;  // its memory was moved away
  offsets_.reserve((indices.size() + 1) * sizeof(std::int64_t));
  store<std::int64_t>(offsets_.data(), 0);
  if (fields_.energy) energy_.reserve(indices.size() * 8);
  if (fields_.cell) cell_.reserve(indices.size() * 72);
  if (fields_.stress) stress_.reserve(indices.size() * 72);
  if (fields_.pbc) pbc_.reserve(indices.size() * 3);
  Prefetcher& prefetcher = reader.prefetcher();
  reader.for_each(indices, [&](std::size_t place, const RecordView& record) { add(place, record, prefetcher); });
  graphs_ = indices.size();
}

void PackedBatch::make_room(std::uint64_t atoms) {
  if (atoms <= room_) return;
  const std::size_t real = size_of(fields_.real);
  if (fields_.atomic_numbers) atomic_numbers_.reserve(atoms);
  if (fields_.positions) positions_.reserve(atoms * 3 * real);
  if (fields_.forces) forces_.reserve(atoms * 3 * real);
  room_ = atoms;
}

void PackedBatch::add(std::size_t graph, const RecordView& record, Prefetcher& prefetcher) {
  const std::size_t n = record.n_atoms();
  const std::size_t real = size_of(fields_.real);
  const auto& found = finder_.find(record);
  const auto field = [&](Builtin b) { return found[static_cast<std::size_t>(b)]; };
  make_room(filled_ + n);
  if (fields_.atomic_numbers) {
    if (n != 0) std::memcpy(atomic_numbers_.data() + filled_, record.atomic_numbers().data(), n);
  }
  if (fields_.positions && n != 0) {
    copy_reals(record.positions_bytes().data(), is_f32(record.positions_type()), 3 * n, fields_.real, positions_.data() + filled_ * 3 * real, prefetcher);
  }
  if (fields_.forces && n != 0) {
    std::byte* to = forces_.data() + filled_ * 3 * real;
    const auto f = field(Builtin::forces);
    f.data ? copy_reals(f.data, is_f32(f.type), 3 * n, fields_.real, to, prefetcher) : fill_nan(to, 3 * n, fields_.real);
  }
  if (fields_.energy) {
    const auto f = field(Builtin::energy);
    f.data ? copy_reals(f.data, is_f32(f.type), 1, Scalar::f64, energy_.data() + graph * 8, prefetcher) : fill_nan(energy_.data() + graph * 8, 1, Scalar::f64);
  }
  if (fields_.cell) {
    const auto f = field(Builtin::cell);
    f.data ? copy_reals(f.data, is_f32(f.type), 9, Scalar::f64, cell_.data() + graph * 72, prefetcher) : static_cast<void>(std::memset(cell_.data() + graph * 72, 0, 72));
  }
  if (fields_.stress) {
    const auto f = field(Builtin::stress);
    f.data ? copy_reals(f.data, is_f32(f.type), 9, Scalar::f64, stress_.data() + graph * 72, prefetcher) : fill_nan(stress_.data() + graph * 72, 9, Scalar::f64);
  }
  if (fields_.pbc) {
    const auto f = field(Builtin::pbc);
    f.data ? std::memcpy(pbc_.data() + graph * 3, f.data, 3) : std::memset(pbc_.data() + graph * 3, 0, 3);
  }
  filled_ += n;
  store<std::int64_t>(offsets_.data() + (graph + 1) * 8, static_cast<std::int64_t>(filled_));
}

std::span<const std::int64_t> PackedBatch::offsets() const {
  static constexpr std::int64_t kNone = 0;
  if (offsets_.data() == nullptr || graphs_ == 0) return {&kNone, 1};
  return {reinterpret_cast<const std::int64_t*>(offsets_.data()), graphs_ + 1};
}

std::span<const std::uint8_t> PackedBatch::atomic_numbers() const {
  return {reinterpret_cast<const std::uint8_t*>(atomic_numbers_.data()), static_cast<std::size_t>(atoms())};
}

std::span<const double> PackedBatch::energy() const { return reals<double>(energy_, graphs_); }
std::span<const double> PackedBatch::cell() const { return reals<double>(cell_, 9 * graphs_); }
std::span<const double> PackedBatch::stress() const { return reals<double>(stress_, 9 * graphs_); }
std::span<const std::uint8_t> PackedBatch::pbc() const { return {reinterpret_cast<const std::uint8_t*>(pbc_.data()), 3 * graphs_}; }

}  // namespace atp

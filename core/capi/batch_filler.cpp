#include "core/capi/batch_filler.h"

#include <cstring>

#include "core/atp/reals.h"
#include "core/base/error.h"

namespace atp {
namespace {

std::byte* bytes_at(void* array, std::size_t offset) { return static_cast<std::byte*>(array) + offset; }

void fill(const BuiltinFinder::Field& field, std::size_t count, Scalar real, std::byte* to, Prefetcher& prefetcher) {
  if (field.data != nullptr) {
    copy_reals(field.data, is_f32(field.type), count, real, to, prefetcher);
  } else {
    fill_nan(to, count, real);
  }
}

}  // namespace

bool has_per_atom_arrays(const atp_batch& b) { return b.atomic_numbers != nullptr || b.positions != nullptr || b.forces != nullptr; }

BatchFiller::BatchFiller(const atp_batch& batch)
    : batch_(batch), real_(batch.real == ATP_F32 ? Scalar::f32 : Scalar::f64), room_(has_per_atom_arrays(batch) ? batch.atom_room : UINT64_MAX) {
  if (batch.offsets != nullptr) batch.offsets[0] = 0;
}

void BatchFiller::add(std::size_t graph, const RecordView& record, Prefetcher& prefetcher) {
  const std::size_t n = record.n_atoms();
  if (n > room_ - filled_) fail_input("", "a record has become larger while the batch was read");
  const auto& found = finder_.find(record);
  const auto field = [&](Builtin b) { return found[static_cast<std::size_t>(b)]; };
  const std::size_t real = size_of(real_), at = static_cast<std::size_t>(filled_);

  if (batch_.atomic_numbers != nullptr && n != 0) std::memcpy(batch_.atomic_numbers + at, record.atomic_numbers().data(), n);
  if (batch_.positions != nullptr) {
    copy_reals(record.positions_bytes().data(), is_f32(record.positions_type()), 3 * n, real_, bytes_at(batch_.positions, 3 * real * at), prefetcher);
  }
  if (batch_.forces != nullptr) fill(field(Builtin::forces), 3 * n, real_, bytes_at(batch_.forces, 3 * real * at), prefetcher);
  if (batch_.energy != nullptr) fill(field(Builtin::energy), 1, Scalar::f64, bytes_at(batch_.energy + graph, 0), prefetcher);
  if (batch_.stress != nullptr) fill(field(Builtin::stress), 9, Scalar::f64, bytes_at(batch_.stress + 9 * graph, 0), prefetcher);
  if (batch_.cell != nullptr) {
    const auto cell = field(Builtin::cell);
    double* to = batch_.cell + 9 * graph;
    cell.data != nullptr ? copy_reals(cell.data, is_f32(cell.type), 9, Scalar::f64, bytes_at(to, 0), prefetcher) : static_cast<void>(std::memset(to, 0, 9 * sizeof(double)));
  }
  if (batch_.pbc != nullptr) {
    const auto pbc = field(Builtin::pbc);
    std::uint8_t* to = batch_.pbc + 3 * graph;
    pbc.data != nullptr ? std::memcpy(to, pbc.data, 3) : std::memset(to, 0, 3);
  }
  filled_ += n;
  if (batch_.offsets != nullptr) batch_.offsets[graph + 1] = static_cast<std::int64_t>(filled_);
}

}  // namespace atp

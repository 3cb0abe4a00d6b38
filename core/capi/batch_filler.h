// Records into the arrays of a caller of the C interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/atp/builtin_finder.h"
#include "core/atp/layout.h"
#include "core/atp/prefetcher.h"
#include "core/capi/atp.h"

namespace atp {

// Whether atom_room counts.
bool has_per_atom_arrays(const atp_batch& batch);

// One thread. Borrows the arrays, which have room for what is added: who calls has made sure of it.
class BatchFiller {
 public:
  explicit BatchFiller(const atp_batch& batch);

  // Graph `graph` is the next one. Throws Error (exit 3): a builtin of the wrong type or length; more atoms than
  // there is room for, which means that the file changes meanwhile.
  void add(std::size_t graph, const RecordView& record, Prefetcher& prefetcher);

 private:
  const atp_batch& batch_;
  Scalar real_;
  std::uint64_t room_;        // for so many atoms
  std::uint64_t filled_ = 0;  // atoms
  BuiltinFinder finder_;
};

}  // namespace atp

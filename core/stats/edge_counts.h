// How many edges a model with a cutoff sees in each record.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/atp/reader.h"
#include "core/chem/neighbours.h"
#include "core/stats/sample.h"

namespace atp {

// One thread. Keeps its memory.
class EdgeCounter {
 public:
  // Directed edges shorter than `cutoff`, as NeighbourCounter counts them. A record with a cell that has a volume and no
  // pbc is periodic in all directions. Throws Error (exit 3): no count is possible, or the record cannot be read.
  std::uint64_t count(const RecordView& record, double cutoff);

 private:
  NeighbourCounter neighbours_;
  Sample sample_;
  std::vector<double> positions_, numbers_;
};

// The edges of every record of a file on `jobs` threads: `out` is [reader.size()]. `progress` is called with the
// records counted so far, by one thread at a time. Throws Error (exit 3) naming file and record; Interrupted.
void count_edges(const Reader& reader, double cutoff, int jobs, std::span<std::uint32_t> out,
                 const std::function<void(std::uint64_t)>& progress);

}  // namespace atp

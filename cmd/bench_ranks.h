// `atp bench` by several processes that mpirun or srun has started. Private to cmd/bench*.cpp.
#pragma once

#include <string>

#include "core/bench/results.h"
#include "core/mpi/ranks.h"

namespace atp {

// A table of what all processes reached together: sums of their rates, the slowest, the fastest. Every process calls it.
std::string ranks_table(Ranks& ranks, const BenchResults& mine);

}  // namespace atp

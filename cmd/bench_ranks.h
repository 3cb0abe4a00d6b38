// `atp bench` by several processes that mpirun or srun has started. Private to cmd/bench*.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/bench/results.h"
#include "core/mpi/ranks.h"

namespace atp {

// What all processes reached together, from the rows that each has. Every process calls it.
std::vector<TogetherRow> rows_together(Ranks& ranks, const BenchResults& mine);

// A table of them; empty without any.
std::string together_table(const BenchResults& results);

}  // namespace atp

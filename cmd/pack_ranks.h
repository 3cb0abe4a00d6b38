// What processes that share a run of `atp pack --shards` tell each other. Private to cmd/pack*.cpp.
#pragma once

#include <string>
#include <vector>

#include "cmd/pack_run.h"
#include "core/mpi/ranks.h"

namespace atp {

// The inputs of this process: the list is cut into one run a process, as equal in bytes as can be. With
// fewer inputs than processes the last ones get none.
std::vector<std::string> inputs_of_rank(const std::vector<std::string>& inputs, int rank, int ranks);

// Throws Error (exit 2) for options and inputs that only one process can honour.
void check_for_ranks(const PackOptions& options, const std::vector<std::string>& inputs);

// Throws Error (exit 3) when the processes do not find the same inputs.
void check_same_inputs(Ranks& ranks, const std::vector<std::string>& inputs);

// The parts of all processes as if one had packed their inputs one after the other; every process gets the whole.
// Throws Error (exit 3) where it would have refused frames that each process, knowing only its own, has taken.
PackedPart whole_of_parts(Ranks& ranks, const PackedPart& mine);

}  // namespace atp

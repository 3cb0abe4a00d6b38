// What processes that share a run of `atp shard` tell each other. Private to cmd/shard*.cpp.
#pragma once

#include "cmd/shard_run.h"
#include "core/mpi/ranks.h"

namespace atp {

// Whose work a shard is, of `number` in all groups: one writer a file, and shards have equal weight.
inline bool is_mine(const Ranks& ranks, std::size_t number) {
  return number % static_cast<std::size_t>(ranks.size()) == static_cast<std::size_t>(ranks.rank());
}

// Throws Error (exit 3) when the processes would not write the same: an input differs from node to node.
void check_same_plan(Ranks& ranks, const ShardRun& run);

// Completes the result everywhere: every shard from the rank that has written it.
void share_results(Ranks& ranks, const ShardRun& run, ShardResult& result);

}  // namespace atp

// The same number of graphs in every batch: what a data loader does that knows nothing of sizes.
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Shuffled graphs, `count` (> 0) to a batch, in input order of the shuffle; fewer where a limit would be broken.
Batches fixed_count(const PlanInput& input, std::uint64_t count);

}  // namespace atp

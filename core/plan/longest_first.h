// Longest-processing-time first: the heaviest graph next, into the emptiest bin (Graham, 1969).
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Into the fewest multiple of the GPUs that keeps all limits, found by doubling and bisecting from the lower
// bound on. O(n log B) for each number tried.
Batches longest_first(const PlanInput& input);

}  // namespace atp

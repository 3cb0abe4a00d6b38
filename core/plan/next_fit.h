// One batch after the other is filled: the dynamic batching of PyG, fairchem and HydraGNN.
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Shuffled graphs; when the next does not fit into the batch, a new one is begun. O(n).
Batches next_fit(const PlanInput& input);

}  // namespace atp

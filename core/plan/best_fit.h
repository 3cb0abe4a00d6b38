// Best-fit decreasing: the heaviest graph next, into the fullest bin it fits in.
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Of several limits the binding one is searched; after 64 bins that another limit refuses a new one is opened,
// and a bin refused 8 times is full.
// O(n log C).
Batches best_fit_decreasing(const PlanInput& input);

}  // namespace atp

// First-fit decreasing: the heaviest graph next, into the first bin it fits in (Johnson, 1973).
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Needs at most 11/9 of the fewest bins, plus 6/9 (Dósa, 2007), under one limit. Of several limits the binding one
// is searched; after 256 bins that another limit refuses a new one is opened, and a bin refused 8 times is full. O(n log n).
Batches first_fit_decreasing(const PlanInput& input);

}  // namespace atp

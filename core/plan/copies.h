// The same record twice in one batch teaches a model less than in two.
#pragma once

#include <cstdint>
#include <span>

#include "core/plan/plan.h"

namespace atp {

// `records` [n]: the record that each graph of the input is a copy of. Swaps a second copy in a batch with a graph of another
// batch: one of the same atoms where there is one, else of nearly the same, else any; of a few that do the one with the most
// similar edges. All limits kept. What cannot be separated stays. O(n), and more only where copies meet. Keeps `loads` true.
void separate_copies(const PlanInput& input, std::span<const std::uint32_t> records, Batches& batches);

}  // namespace atp

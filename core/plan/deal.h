// The stratified deal: sizes are packed on their histogram, random graphs are dealt into the slots.
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Batches of equal atoms (they differ by at most 1 where sizes are varied) and level edges, in a multiple
// of the GPUs unless there are fewer graphs, as few as find_patterns() finds; all limits kept. Steps of
// equal cost; batches and steps in random order. O(n). `order` is set.
//
// Where the limit on edges asks for more batches than the one on atoms, edges take the part of atoms.
Batches deal(const PlanInput& input);

}  // namespace atp

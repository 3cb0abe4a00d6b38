// Algorithm 1 of "Optimizing Data Distribution and Kernel Performance for Efficient Training of Chemistry
// Foundation Models: A Case Study with MACE" (section 3), as its prose gives it.
#pragma once

#include "core/plan/plan.h"

namespace atp {

// Graphs by descending weight go into ceil(sum / C) bins, rounded up to a multiple of the GPUs. In each round
// the open bins are sorted stably, fuller first, and walked over once: the next graph goes into the bin if it
// fits, else the bin is marked full. When an open bin has grown fuller than bins marked full, those are opened
// again. Graphs left over when no bin is open start again with further bins.
//
// With `shuffle_input` graphs are shuffled for (seed, epoch) first, so that equal ones change places.
Batches algorithm_one(const PlanInput& input, bool shuffle_input);

}  // namespace atp

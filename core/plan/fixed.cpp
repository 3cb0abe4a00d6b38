#include "core/plan/fixed.h"

#include <algorithm>

#include "core/plan/next_fit.h"

namespace atp {

Batches fixed_count(const PlanInput& input, std::uint64_t count) {
  PlanInput limited = input;
  limited.limits.graphs = std::min(input.limits.graphs, count);
  return next_fit(limited);
}

}  // namespace atp

// "a*atoms+b*edges": what a batch costs.
#pragma once

#include <string_view>

#include "core/plan/plan.h"

namespace atp {

// Terms of atoms and edges with factors from 0 on, in any order: "atoms", "1.5*atoms + 0.02*edges". Factors keep 20
// bits, so that costs are integers. Throws Error (exit 2).
Cost parse_cost(std::string_view text);

}  // namespace atp

// The table of strategies: --strategy, --compare and --simulate read it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"

namespace atp {

struct Strategy {
  std::string_view name;     // "deal"
  std::string_view summary;  // one line
  bool takes_count;          // "fixed:N"
  Batches (*run)(const PlanInput& input, std::uint64_t count);
};

std::span<const Strategy> strategies();

// A strategy and the number behind its colon.
struct ChosenStrategy {
  const Strategy* strategy;
  std::uint64_t count = 0;

  std::string name() const;  // "fixed:6"
  Batches run(const PlanInput& input) const { return strategy->run(input, count); }
};

// Throws Error (exit 2): no strategy of that name, a number where none belongs or none where one does.
ChosenStrategy parse_strategy(std::string_view text);

}  // namespace atp

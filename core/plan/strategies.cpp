#include "core/plan/strategies.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/error.h"
#include "core/plan/best_fit.h"
#include "core/plan/deal.h"
#include "core/plan/first_fit.h"
#include "core/plan/fixed.h"
#include "core/plan/longest_first.h"
#include "core/plan/mace.h"
#include "core/plan/next_fit.h"

namespace atp {
namespace {

using Count = std::uint64_t;

constexpr Strategy kStrategies[] = {
    {"deal", "stratified deal: atoms and edges level, new batches every epoch", false,
     [](const PlanInput& i, Count) { return deal(i); }},
    {"mace", "Algorithm 1 of the MACE load balancing paper", false,
     [](const PlanInput& i, Count) { return algorithm_one(i, false); }},
    {"mace-shuffled", "the same, with graphs of equal size shuffled", false,
     [](const PlanInput& i, Count) { return algorithm_one(i, true); }},
    {"next-fit", "shuffled graphs, one batch filled after the other", false,
     [](const PlanInput& i, Count) { return next_fit(i); }},
    {"fixed", "shuffled graphs, N to a batch", true, [](const PlanInput& i, Count n) { return fixed_count(i, n); }},
    {"ffd", "first-fit decreasing", false, [](const PlanInput& i, Count) { return first_fit_decreasing(i); }},
    {"bfd", "best-fit decreasing", false, [](const PlanInput& i, Count) { return best_fit_decreasing(i); }},
    {"lpt", "longest first into the emptiest batch", false, [](const PlanInput& i, Count) { return longest_first(i); }},
};

}  // namespace

std::span<const Strategy> strategies() { return kStrategies; }

std::string ChosenStrategy::name() const {
  return strategy->takes_count ? fmt::format("{}:{}", strategy->name, count) : std::string(strategy->name);
}

ChosenStrategy parse_strategy(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  for (const Strategy& strategy : kStrategies) {
    if (strategy.name != name) continue;
    std::uint64_t count = 0;
    if (!strategy.takes_count && name == text) return {&strategy, 0};
    if (strategy.takes_count && name != text) {
      const std::string_view number = text.substr(name.size() + 1);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
      if (error == std::errc() && end == number.data() + number.size() && count > 0) return {&strategy, count};
    }
    throw Error(Exit::usage, "", fmt::format("'{}' is not a strategy", text),
                strategy.takes_count ? fmt::format("pass the graphs per batch, as {}:16", name) : fmt::format("'{}' takes no number", name));
  }
  throw Error(Exit::usage, "", fmt::format("unknown strategy '{}'", text));
}

}  // namespace atp

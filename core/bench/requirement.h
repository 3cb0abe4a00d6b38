// A bar that a benchmark must clear: "atp/lmdb shuffled 64 >= 4".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bench/results.h"

namespace atp {

// BACKEND[/BACKEND] WORKLOAD LOAD >= NUMBER, or <=. With two backends the number is how many times the first is better
// than the second (rates: higher, times and sizes: lower); with one it is the row's own value: molecules a second,
// seconds, or bytes per byte of values.
struct Requirement {
  std::string backend, peer;  // peer: empty without a second backend
  std::string workload, load;
  bool at_least = true;
  double bar = 0;

  std::string text() const;
};

// Throws Error (exit 2) with the place that is wrong and the nearest valid word.
Requirement parse_requirement(std::string_view text);

// On each mount the requirement was tried on; `value` is nothing where a row it needs is not there, or where the one that
// shall be faster read a store that was cut shorter: what fits into caches proves nothing. Then `why_not` says so.
struct RequirementResult {
  Requirement requirement;
  std::string dir;
  std::optional<double> value;
  std::string why_not = {};
  bool met = false;
};
std::vector<RequirementResult> check_requirement(const Requirement& requirement, const BenchResults& results);

// ---- what the reader is held to (--goals) ---------------------------------------------------------

struct GoalResult {
  std::string_view what;
  RequirementResult reached;
  std::string_view yardstick;   // that does without a format's work: copy, copy-2threads or disk; empty where there is none
  std::optional<double> bound;  // what it reached in atp's place, in the same run
  bool out_of_reach() const;    // missed, by the yardstick too
};
std::vector<GoalResult> check_goals(const BenchResults& results);

}  // namespace atp

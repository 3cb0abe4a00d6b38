#include "core/plan/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "core/base/error.h"

namespace atp {

Cost parse_cost(std::string_view text) {
  const auto fail = [&] {
    throw Error(Exit::usage, "", fmt::format("the cost '{}' cannot be read", text), "write it as --cost '1*atoms+0.02*edges'");
  };
  std::string compact(text);
  std::erase(compact, ' ');
  double atoms = 0, edges = 0;
  for (std::string_view rest = compact;;) {
    const std::size_t plus = rest.find('+');
    std::string_view term = rest.substr(0, plus);
    double factor = 1;
    if (const std::size_t times = term.find('*'); times != std::string_view::npos) {
      const auto [end, error] = std::from_chars(term.data(), term.data() + times, factor);
      if (error != std::errc() || end != term.data() + times || !(factor >= 0) || !std::isfinite(factor)) fail();
      term.remove_prefix(times + 1);
    }
    if (term != "atoms" && term != "edges") fail();
    (term == "atoms" ? atoms : edges) += factor;
    if (plus == std::string_view::npos) break;
    rest.remove_prefix(plus + 1);
  }
  const double most = std::max(atoms, edges);
  if (!(most > 0) || !std::isfinite(most)) fail();
  const double scale = (1 << 20) / most;
  return {static_cast<std::uint64_t>(std::llround(atoms * scale)), static_cast<std::uint64_t>(std::llround(edges * scale))};
}

}  // namespace atp

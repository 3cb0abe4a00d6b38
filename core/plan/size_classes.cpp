#include "core/plan/size_classes.h"

#include <algorithm>
#include <array>

namespace atp {
namespace {

// Several tables side by side: equal weights in a row would wait for each other's increment.
std::vector<std::uint32_t> histogram(std::span<const std::uint32_t> weights, std::uint32_t max) {
  const std::size_t codes = weight_code(max) + std::size_t{1};
  std::vector<std::uint32_t> counts(4 * codes);
  const std::array<std::uint32_t*, 4> part{&counts[0], &counts[codes], &counts[2 * codes], &counts[3 * codes]};
  std::size_t i = 0;
  if (max < 8192) {
    for (; i + 4 <= weights.size(); i += 4)
      for (std::size_t k = 0; k < 4; ++k) ++part[k][weights[i + k]];
  }
  for (; i < weights.size(); ++i) ++part[i % 4][weight_code(weights[i])];
  for (std::size_t c = 0; c < codes; ++c) counts[c] += part[1][c] + part[2][c] + part[3][c];
  counts.resize(codes);
  return counts;
}

}  // namespace

SizeClasses::SizeClasses(std::span<const std::uint32_t> weights, std::uint64_t capacity) : graphs_(weights.size()) {
  if (weights.empty()) return;
  const std::uint32_t max = *std::max_element(weights.begin(), weights.end());
  exact_ = max < 8192;
  const auto counts = histogram(weights, max);
  class_of_code_.assign(counts.size(), 0);
  for (std::size_t code = counts.size(); code-- > 0;) {
    if (counts[code] == 0) continue;
    class_of_code_[code] = static_cast<std::uint32_t>(classes_.size());
    // Rounding up must not make a graph too large that alone is not.
    classes_.push_back({std::min(weight_of_code(static_cast<std::uint32_t>(code)), capacity), counts[code]});
    total_ += classes_.back().size * counts[code];
  }
}

}  // namespace atp

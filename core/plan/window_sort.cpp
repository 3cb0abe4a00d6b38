#include "core/plan/window_sort.h"

#include <algorithm>

namespace atp {
namespace {

struct Comparison {
  std::size_t low, high;
};

constexpr std::size_t kComparisons = 63;

constexpr std::array<Comparison, kComparisons> odd_even_merge_sort() {
  std::array<Comparison, kComparisons> network{};
  std::size_t n = 0;
  for (std::size_t p = 1; p < kWindow; p *= 2) {
    for (std::size_t k = p; k >= 1; k /= 2) {
      for (std::size_t j = k % p; j + k < kWindow; j += 2 * k) {
        for (std::size_t i = 0; i < k && i + j + k < kWindow; ++i) {
          if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) network[n++] = {i + j, i + j + k};
        }
      }
    }
  }
  return network;
}

constexpr auto kNetwork = odd_even_merge_sort();

}  // namespace

void sort_windows(WindowKeys& keys) {
#pragma GCC unroll 63
  for (const auto [low, high] : kNetwork) {
    for (std::size_t w = 0; w < kWindows; ++w) {
      const std::uint32_t a = keys[low][w], b = keys[high][w];
      keys[low][w] = std::min(a, b);
      keys[high][w] = std::max(a, b);
    }
  }
}

}  // namespace atp

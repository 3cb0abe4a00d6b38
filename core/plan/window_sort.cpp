#include "core/plan/window_sort.h"

#include <cstring>
#include <utility>

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

// Four keys side by side: with the comparisons written out the compiler keeps all sixteen rows in registers.
constexpr std::size_t kLanes = 4;
using Lanes = std::uint32_t __attribute__((vector_size(4 * kLanes)));

void compare(Lanes& low, Lanes& high) {
  const Lanes a = low, b = high;
  low = a < b ? a : b;
  high = a < b ? b : a;
}

template <std::size_t... I>
void sort_lanes(WindowKeys& keys, std::size_t window, std::index_sequence<I...>) {
  std::array<Lanes, kWindow> rows;
  for (std::size_t i = 0; i < kWindow; ++i) std::memcpy(&rows[i], &keys[i][window], sizeof(Lanes));
  (compare(rows[kNetwork[I].low], rows[kNetwork[I].high]), ...);
  for (std::size_t i = 0; i < kWindow; ++i) std::memcpy(&keys[i][window], &rows[i], sizeof(Lanes));
}

}  // namespace

void sort_windows(WindowKeys& keys, std::size_t windows) {
  for (std::size_t w = 0; w < windows; w += kLanes) sort_lanes(keys, w, std::make_index_sequence<kComparisons>());
}

}  // namespace atp

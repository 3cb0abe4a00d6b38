// Sorts windows of 16 keys, 8 windows at a time, without branches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace atp {

inline constexpr std::size_t kWindow = 16;
inline constexpr std::size_t kWindows = 8;
inline constexpr std::size_t kBlockSlots = kWindow * kWindows;

// keys[i][w]: key i of window w, so that one step sorts the same two places of all windows.
using WindowKeys = std::array<std::array<std::uint32_t, kWindows>, kWindow>;

// The first `windows` windows (and perhaps more), each ascending. Batcher's odd-even merge sort (1968): 63 comparisons.
void sort_windows(WindowKeys& keys, std::size_t windows = kWindows);

}  // namespace atp

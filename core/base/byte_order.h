// Numbers of big-endian machines.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace atp {

// Turns each `size` bytes around. What is left over at the end stays as it is.
inline void swap_byte_order(std::span<std::byte> numbers, std::size_t size) {
  for (; size > 1 && numbers.size() >= size; numbers = numbers.subspan(size)) std::ranges::reverse(numbers.first(size));
}

}  // namespace atp

#include "core/shard/order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace atp {

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t SeededNumbers::next() { return mixed(state_ += 0x9e3779b97f4a7c15); }

std::uint64_t SeededNumbers::below(std::uint64_t bound) {
  // Drawing again what is too large keeps all chances equal; at most every second draw is.
  const std::uint64_t mask = UINT64_MAX >> std::countl_zero((bound - 1) | 1);
  for (;;) {
    const std::uint64_t drawn = next() & mask;
    if (drawn < bound) return drawn;
  }
}

void shuffle(std::vector<std::uint64_t>& records, std::uint64_t seed) {
  SeededNumbers numbers(seed);
  for (std::uint64_t left = records.size(); left > 1; --left) std::swap(records[left - 1], records[numbers.below(left)]);
}

void sort_by_key(std::vector<std::uint64_t>& records, std::span<const std::uint64_t> keys) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> both(records.size());  // key, place
  for (std::uint64_t i = 0; i < both.size(); ++i) both[i] = {keys[i], i};
  std::sort(both.begin(), both.end());  // the place makes every pair different: as stable as stable_sort
  for (auto& [key, place] : both) place = records[place];
  for (std::uint64_t i = 0; i < both.size(); ++i) records[i] = both[i].second;
}

// Selection sampling: each record is taken with the chance that what is still wanted has among what is
// left (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
void sample(std::vector<std::uint64_t>& records, std::uint64_t count, std::uint64_t seed) {
  SeededNumbers numbers(seed);
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; kept < count; ++i) {
    if (numbers.below(records.size() - i) < count - kept) records[kept++] = records[i];
  }
  records.resize(count);
}

namespace {

// The upper bits of an IEEE number are its logarithm, piecewise linear: 16 bits hold the exponent and 8
// bits of the mantissa. Unlike log(), it is the same on every machine.
std::uint32_t logarithm16(double v) {
  if (!(v > 0) || !std::isfinite(v)) return 0;
  return std::bit_cast<std::uint32_t>(static_cast<float>(v)) >> 15;
}

std::uint64_t spread(std::uint32_t v) {  // bit i to bit 2i
  std::uint64_t x = v;
  x = (x | (x << 16)) & 0x0000ffff0000ffff;
  x = (x | (x << 8)) & 0x00ff00ff00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f0f0f0f0f;
  x = (x | (x << 2)) & 0x3333333333333333;
  return (x | (x << 1)) & 0x5555555555555555;
}

}  // namespace

std::uint64_t morton_key(std::uint32_t atoms, double volume_per_atom) {
  return spread(logarithm16(atoms)) << 1 | spread(logarithm16(volume_per_atom));
}

}  // namespace atp

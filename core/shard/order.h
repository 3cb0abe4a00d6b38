// The order of records in a dataset that is written anew.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atp {

// A stream of 64-bit numbers that is the same on every machine (SplitMix64, Steele et al. 2014).
class SeededNumbers {
 public:
  explicit SeededNumbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  // Any of 0 ... bound - 1 with the same chance. bound > 0.
  std::uint64_t below(std::uint64_t bound);

 private:
  std::uint64_t state_;
};

// The finisher of SplitMix64: every input has an output of its own, and similar ones differ wholly.
std::uint64_t mixed(std::uint64_t x);

// A uniformly random order of `records`, by the seed (Fisher-Yates).
void shuffle(std::vector<std::uint64_t>& records, std::uint64_t seed);

// Ascending by key; records of one key keep their order. `keys` goes with `records`, item by item.
void sort_by_key(std::vector<std::uint64_t>& records, std::span<const std::uint64_t> keys);

// `count` of `records` at random, in the order they have. count <= records.size().
void sample(std::vector<std::uint64_t>& records, std::uint64_t count, std::uint64_t seed);

// Neighbours along a Z-curve (Morton 1966) over the logarithms of both numbers: 32 bits, those of the
// first and the second taking turns. volume_per_atom in Å³; what is not a positive number counts as 0.
std::uint64_t morton_key(std::uint32_t atoms, double volume_per_atom);

}  // namespace atp

// Graphs of one weight (atoms, or edges) are interchangeable: weights as classes.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace atp {

// Weights below 2^13 are kept as they are; larger ones keep their 13 highest bits and are rounded up, which
// costs at most 1/4096. So there are at most 86,017 classes whatever the weights, and the sum over
// classes is never below the true sum.
constexpr std::uint32_t weight_code(std::uint32_t weight) {
  if (weight < 8192) return weight;
  const auto shift = static_cast<std::uint32_t>(std::bit_width(weight)) - 13;
  const auto high = static_cast<std::uint32_t>((std::uint64_t{weight} + (std::uint64_t{1} << shift) - 1) >> shift);
  return shift * 4096 + high;  // consecutive over all weights
}

constexpr std::uint64_t weight_of_code(std::uint32_t code) {
  if (code < 8192) return code;
  const std::uint32_t shift = code / 4096 - 1;
  return std::uint64_t{code - shift * 4096} << shift;
}

struct SizeClass {
  std::uint64_t size;   // the weight that plans count with
  std::uint64_t count;  // graphs of it
};

// The classes of a set of graphs, the heaviest first. Immutable.
class SizeClasses {
 public:
  // No weight is above `capacity`.
  SizeClasses(std::span<const std::uint32_t> weights, std::uint64_t capacity);

  std::span<const SizeClass> all() const { return classes_; }
  std::size_t size() const { return classes_.size(); }
  std::uint64_t total() const { return total_; }    // sum of sizes
  std::uint64_t graphs() const { return graphs_; }
  bool exact() const { return exact_; }  // no weight was rounded
  // [greatest code + 1]: the class of each code that occurs.
  std::span<const std::uint32_t> class_of_code() const { return class_of_code_; }

 private:
  std::vector<SizeClass> classes_;
  std::vector<std::uint32_t> class_of_code_;
  std::uint64_t total_ = 0, graphs_ = 0;
  bool exact_ = true;
};

}  // namespace atp

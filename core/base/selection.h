// `--records SPEC`: "0,5,10:20,-1,::2", indices and slices as in Python.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace atp {

class Selection {
 public:
  // Throws Error (exit 2) naming the part that is no index and no slice.
  static Selection parse(std::string_view spec);

  // True when the size of the dataset must be known to resolve it (negative indices or bounds, or
  // negative steps).
  bool needs_size() const;

  // How many records it selects of `size`, duplicates counted. Throws Error (exit 2) when an index
  // lies outside; slices are clipped, as in Python.
  std::uint64_t count(std::uint64_t size) const;

  // Throws Error (exit 2) when there are records and it selects none of them, or as count().
  void check_not_empty(std::uint64_t size) const;

  // The indices in the order written, duplicates kept: fn(index).
  void for_each(std::uint64_t size, const std::function<void(std::uint64_t)>& fn) const;

  // Whether it selects index i of a dataset of `size` (for streams; size may be the largest value
  // when needs_size() is false).
  bool contains(std::uint64_t i, std::uint64_t size) const;

  // One past the largest index it can select, or nothing when open-ended. Only without needs_size().
  std::optional<std::uint64_t> end() const;

 private:
  struct Part {
    bool slice;
    std::optional<std::int64_t> start, stop;  // an index is start alone
    std::int64_t step;
  };
  struct Range {  // resolved: start, start + step, ... (count of them)
    std::uint64_t start;
    std::int64_t step;
    std::uint64_t count;
  };
  static Range resolve(const Part& part, std::uint64_t size);

  std::vector<Part> parts_;
};

}  // namespace atp

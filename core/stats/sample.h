// One molecule as the statistics see it, wherever it comes from.
#pragma once

#include <vector>

#include "core/atp/record.h"

namespace atp {

// Borrows everything from the record or structure it was filled from. Filled again and again it
// allocates nothing.
struct Sample {
  Bytes atomic_numbers;   // [n]
  NumbersView positions;  // [n, 3]
  Type positions_type = Type::vec3_f64;
  std::vector<SectionView> sections;  // in file order; of equal ones the last counts

  std::uint64_t n_atoms() const { return atomic_numbers.size(); }

  void fill(const RecordView& record);
  void fill(const Structure& structure);
};

// All numbers of a view as doubles. `out` is resized.
void to_doubles(const NumbersView& numbers, std::vector<double>& out);

}  // namespace atp

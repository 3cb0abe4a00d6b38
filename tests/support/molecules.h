// A few small molecules in a folder of shards.
#pragma once

#include <optional>
#include <vector>

#include "core/atp/dataset.h"
#include "core/atp/structure.h"
#include "tests/support/files.h"

namespace atp::test {

// All atoms in one place.
Structure molecule(std::vector<std::uint8_t> numbers, double energy);

// H2O, CH4, O2, ClNa, H2, H2O, nothing, CO2 in shards of 3, 0, 2 and 3 records, with energies -6, -10, -5,
// -8, -2, -7, 0, -12.
class Molecules {
 public:
  Molecules();

  std::optional<Dataset> dataset;

 private:
  TempDir dir_;
};

// Whether this build has no queries; says so.
bool no_sqlite();

}  // namespace atp::test

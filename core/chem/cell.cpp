#include "core/chem/cell.h"

#include <cmath>
#include <cstddef>

namespace atp {

double cell_volume(const std::array<double, 9>& c) {
  const double volume = std::abs(c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) +
                                 c[2] * (c[3] * c[7] - c[4] * c[6]));
  double edges = 1;
  for (std::size_t k = 0; k < 9; k += 3) edges *= std::hypot(c[k], c[k + 1], c[k + 2]);
  return volume <= 1e-12 * edges && std::isfinite(volume) ? 0 : volume;
}

}  // namespace atp

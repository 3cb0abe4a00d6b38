#include "tests/support/shared_data.h"

#include <doctest/doctest.h>

namespace atp::test {
namespace fs = std::filesystem;

std::optional<fs::path> shared_data() {
  for (fs::path p = fs::path(ATP_SOURCE_DIR); p.has_relative_path(); p = p.parent_path()) {
    if (fs::exists(p / "shared/data/expected.json")) return p / "shared/data";
  }
  MESSAGE("shared/data is not there: nothing compared");
  return std::nullopt;
}

}  // namespace atp::test

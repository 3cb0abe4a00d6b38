#include "core/chem/elements.h"

#include <doctest/doctest.h>

using namespace atp;

TEST_CASE("elements: symbols and numbers") {
  for (int z = 0; z <= kElements; ++z) CHECK(atomic_number_of(element_symbol(z)) == z);
  CHECK(element_symbol(1) == "H");
  CHECK(element_symbol(26) == "Fe");
  CHECK(element_symbol(118) == "Og");
  CHECK(element_symbol(119) == "?");
  CHECK(element_symbol(-1) == "?");
  for (const char* none : {"", "h", "FE", "Fee", "D", "Q", "1", "F1", "{", "J"}) {
    CAPTURE(none);
    CHECK_FALSE(atomic_number_of(none).has_value());
  }
}

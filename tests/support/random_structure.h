// Structures full of random fields, for property tests.
#pragma once

#include <cstdint>
#include <random>

#include "core/atp/structure.h"

namespace atp::test {

// Any structure the format can hold: every type, odd keys, NaN, 0 atoms. With `plain`, the fields
// keep one type and size over all seeds, so that many fit under one schema lock.
void fill_random(Structure& s, std::mt19937_64& random, bool plain);

// The same fields with the same bytes, whatever the order of the sections.
bool same(Structure a, Structure b);

}  // namespace atp::test

// Structures full of random fields, for property tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "core/atp/structure.h"

namespace atp::test {

// A number below n > 0, and so many random bytes.
std::uint64_t below(std::mt19937_64& random, std::uint64_t n);
std::vector<std::byte> noise(std::mt19937_64& random, std::uint64_t bytes);

// Any structure the format can hold: every type, odd keys, NaN, 0 atoms. With `plain`, the fields
// keep one type and size over all seeds, so that many fit under one schema lock.
void fill_random(Structure& s, std::mt19937_64& random, bool plain);

// The same fields with the same bytes, whatever the order of the sections.
bool same(Structure a, Structure b);

}  // namespace atp::test

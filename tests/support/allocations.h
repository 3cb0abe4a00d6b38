// How often this test program has asked for memory.
#pragma once

#include <cstdint>

namespace atp::test {

// Calls of operator new so far, by all threads.
std::uint64_t allocations();

}  // namespace atp::test

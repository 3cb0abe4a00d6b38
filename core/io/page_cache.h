// What the kernel keeps of a mapped file in memory, and hints about what it should.
#pragma once

#include <cstdint>

#include "core/base/byte_reader.h"

namespace atp {

// Whether the page that holds `address` is in memory. True when the system does not say.
bool is_resident(const std::byte* address);

// Asks for these bytes of a map to be read soon, without waiting for them.
void announce_read(Bytes mapped);

// These bytes of a map of a file have been read: they leave this process's memory, not the system's. Reading them again is right, and slower.
void let_go(Bytes mapped);

// Whether the map is read in random order: a page fault then reads one page and not the pages around it.
void expect_random_reads(Bytes mapped, bool random);

}  // namespace atp

// What the kernel keeps of a mapped file in memory, and hints about what it should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/io/fd.h"

namespace atp {

// Whether the page that holds `address` is in memory. True when the system does not say: see MappedFile::tells_residence().
bool is_resident(const std::byte* address);

// Whether a byte of a file is in memory, found out by reading it: the way for files of others. May start a read.
bool reads_at_once(const Fd& fd, std::uint64_t offset);

// For each run of `pages_each` pages of a mapped range, whether any is in memory. True when the system does not say.
std::vector<bool> resident_runs(Bytes mapped, std::size_t pages_each);

// Asks for these bytes of a map to be read soon, without waiting for them.
void announce_read(Bytes mapped);

// These bytes of a map of a file have been read: they leave this process's memory, not the system's. Reading them again is right, and slower.
void let_go(Bytes mapped);

// Whether the map is read in random order: a page fault then reads one page and not the pages around it.
void expect_random_reads(Bytes mapped, bool random);

}  // namespace atp

// Raw deflate and the checksum of zip archives: by libdeflate where the program was built with it, else by zlib, which
// needs about twice and ten times as long.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/byte_reader.h"

namespace atp {

// CRC-32 as zip has it, of what came before and `more`; 0 to begin with. Any thread.
std::uint32_t crc32_of(Bytes more, std::uint32_t before = 0);

// Inflates `packed` into exactly `out`; false when it is no stream of that length. Any thread.
bool inflate_exactly(Bytes packed, std::span<std::byte> out);

}  // namespace atp

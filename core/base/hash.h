// The checksums of FORMAT.md.
#pragma once

#include <cstdint>

#include "core/base/byte_reader.h"

namespace atp {

// XXH3-64, seed 0.
std::uint64_t xxh3(Bytes bytes);

// XXH3-64 of a stored record, with 0 kept free for "not known" (FORMAT.md, "Checksum block").
std::uint64_t record_checksum(Bytes stored);

// Adler-32 (RFC 1950), the header slots' checksum.
std::uint32_t adler32(Bytes bytes);

// XXH3-128, seed 0.
struct Hash128 {
  std::uint64_t high = 0, low = 0;
};
Hash128 xxh3_128(Bytes bytes);

// XXH3-64 of a stream: feed it in pieces.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(const Xxh3Stream&) = delete;
  Xxh3Stream& operator=(const Xxh3Stream&) = delete;

  void update(Bytes bytes);
  std::uint64_t digest() const;
  void reset();  // to the empty stream

 private:
  void* state_;
};

}  // namespace atp

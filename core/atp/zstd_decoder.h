// zstd frames of records.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// Decompresses frame after frame with one context. One thread.
class ZstdDecoder {
 public:
  ZstdDecoder();
  ZstdDecoder(ZstdDecoder&&) noexcept;
  ZstdDecoder& operator=(ZstdDecoder&&) noexcept;
  ~ZstdDecoder();

  // Puts what `frame` holds at the beginning of `scratch`, which grows to `unpacked` bytes at most. Throws Error (exit 3)
  // when these are not exactly `unpacked` bytes.
  void decompress(Bytes frame, std::uint32_t unpacked, std::vector<std::byte>& scratch);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace atp

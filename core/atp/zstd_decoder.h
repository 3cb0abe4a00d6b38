// zstd frames of records.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/byte_reader.h"

struct ZSTD_DCtx_s;  // libzstd's

namespace atp {

struct FreeZstdContext {
  void operator()(ZSTD_DCtx_s* context) const;
};
using ZstdContext = std::unique_ptr<ZSTD_DCtx_s, FreeZstdContext>;
// Throws std::bad_alloc.
ZstdContext make_zstd_context();

// Decompresses frame after frame with one context. One thread.
class ZstdDecoder {
 public:
  // Puts what `frame` holds at the beginning of `scratch`, which grows to `unpacked` bytes at most. Throws Error (exit 3)
  // when these are not exactly `unpacked` bytes.
  void decompress(Bytes frame, std::uint32_t unpacked, std::vector<std::byte>& scratch);

 private:
  ZstdContext context_ = make_zstd_context();
};

}  // namespace atp

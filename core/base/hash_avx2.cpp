// Compiled for AVX2, so it shares no inline function with other files: the linker might take this file's for all.
#include "core/base/hash_avx2.h"

#define XXH_INLINE_ALL
#define XXH_NO_PREFETCH  // it goes 384 bytes ahead: beyond a small record, for lines that nobody asked for
#ifndef NDEBUG
#define XXH_NO_INLINE_HINTS 1  // without full optimisation g++ cannot inline what the header says it must
#endif
#include <xxhash.h>

namespace atp {

std::uint64_t xxh3_avx2(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

}  // namespace atp

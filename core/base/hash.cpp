#include "core/base/hash.h"

#define XXH_INLINE_ALL  // the library is built for the oldest processor; this is half as fast again
#define XXH_NO_PREFETCH  // it goes 384 bytes ahead: beyond a small record, for lines that nobody asked for
#ifndef NDEBUG
#define XXH_NO_INLINE_HINTS 1  // without full optimisation g++ cannot inline what the header says it must
#endif
#include <xxhash.h>
#include <zlib.h>

#include <new>

#include "core/base/hash_avx2.h"

namespace atp {
namespace {

std::uint64_t xxh3_plain(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

using Xxh3 = std::uint64_t (*)(const void*, std::size_t);
Xxh3 fastest_xxh3() {
#ifdef ATP_HAVE_AVX2
  if (__builtin_cpu_supports("avx2")) return xxh3_avx2;
#endif
  return xxh3_plain;
}

}  // namespace

std::uint64_t xxh3(Bytes bytes) {
  static const Xxh3 hash = fastest_xxh3();
  return hash(bytes.data(), bytes.size());
}

std::uint64_t record_checksum(Bytes stored) {
  const std::uint64_t h = xxh3(stored);
  return h == 0 ? 1 : h;
}

Hash128 xxh3_128(Bytes bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.high64, h.low64};
}

std::uint32_t adler32(Bytes bytes) {
  const uLong start = ::adler32(0, nullptr, 0);
  return static_cast<std::uint32_t>(
      ::adler32_z(start, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

namespace {
XXH3_state_t* as_state(void* p) { return static_cast<XXH3_state_t*>(p); }
}  // namespace

Xxh3Stream::Xxh3Stream() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(as_state(state_));
}

Xxh3Stream::~Xxh3Stream() { XXH3_freeState(as_state(state_)); }

void Xxh3Stream::update(Bytes bytes) { XXH3_64bits_update(as_state(state_), bytes.data(), bytes.size()); }

void Xxh3Stream::reset() { XXH3_64bits_reset(as_state(state_)); }

std::uint64_t Xxh3Stream::digest() const { return XXH3_64bits_digest(as_state(state_)); }

}  // namespace atp

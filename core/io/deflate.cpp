#include "core/io/deflate.h"

#ifdef ATP_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace atp {

#ifdef ATP_HAVE_LIBDEFLATE

// libdeflate begins anew when it is given nothing.
std::uint32_t crc32_of(Bytes more, std::uint32_t before) { return more.empty() ? before : libdeflate_crc32(before, more.data(), more.size()); }

bool inflate_exactly(Bytes packed, std::span<std::byte> out) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!decompressor) throw std::bad_alloc();
  return libdeflate_deflate_decompress(decompressor.get(), packed.data(), packed.size(), out.data(), out.size(), nullptr) == LIBDEFLATE_SUCCESS;
}

#else

std::uint32_t crc32_of(Bytes more, std::uint32_t before) {
  return static_cast<std::uint32_t>(::crc32_z(before, reinterpret_cast<const Bytef*>(more.data()), more.size()));
}

bool inflate_exactly(Bytes packed, std::span<std::byte> out) {
  z_stream z = {};
  if (::inflateInit2(&z, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  constexpr std::size_t kPiece = std::numeric_limits<std::uint32_t>::max();
  std::size_t in = 0, made = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data() + in));
    z.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    const auto offered = static_cast<uInt>(std::min(kPiece, packed.size() - in));
    const auto space = static_cast<uInt>(std::min(kPiece, out.size() - made));
    z.avail_in = offered, z.avail_out = space;
    status = ::inflate(&z, Z_NO_FLUSH);
    in += offered - z.avail_in;
    made += space - z.avail_out;
    if (offered == z.avail_in && space == z.avail_out) break;  // no progress
  }
  ::inflateEnd(&z);
  return status == Z_STREAM_END && made == out.size();
}

#endif

}  // namespace atp

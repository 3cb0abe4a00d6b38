#include "core/atp/zstd_decoder.h"

#include <fmt/format.h>
#include <zstd.h>

#include <new>

#include "core/base/error.h"

// Of libzstd's block level API, which it has exported unchanged since 0.8 but promises to nobody: null in a library that has
// left it out.
extern "C" {
[[gnu::weak]] std::size_t ZSTD_decompressBegin(ZSTD_DCtx* context);
[[gnu::weak]] std::size_t ZSTD_decompressBlock(ZSTD_DCtx* context, void* to, std::size_t capacity, const void* block, std::size_t size);
}

namespace atp {
namespace {

constexpr std::uint32_t kMostInBlock = 128 << 10;

unsigned u8(std::byte b) { return std::to_integer<unsigned>(b); }

// The bytes of a frame's header that states `size` in the way of libzstd when it knows it beforehand: one segment, neither
// dictionary nor checksum (RFC 8878, 3.1.1.1). 0 for all other headers, which are libzstd's to read.
std::size_t plain_header(Bytes frame, std::uint32_t size) {
  constexpr std::size_t kLongest = 9;
  if (frame.size() < kLongest || load<std::uint32_t>(frame.data()) != ZSTD_MAGICNUMBER) return 0;
  const std::byte* const field = frame.data() + 5;
  switch (u8(frame[4])) {
    case 0x20: return u8(*field) == size ? 6 : 0;
    case 0x60: return load<std::uint16_t>(field) + 256u == size ? 7 : 0;
    case 0xa0: return load<std::uint32_t>(field) == size ? kLongest : 0;
    default: return 0;
  }
}

// The block that is all of what follows a header, where it is a compressed one (RFC 8878, 3.1.1.2); else nothing.
Bytes only_block(Bytes blocks) {
  constexpr unsigned kHead = 3, kLastAndCompressed = 1 | 2 << 1;
  if (blocks.size() <= kHead) return {};
  const unsigned head = load<std::uint16_t>(blocks.data()) | u8(blocks[2]) << 16;
  return head == ((blocks.size() - kHead) << 3 | kLastAndCompressed) ? blocks.subspan(kHead) : Bytes{};
}

void check_stated_size(Bytes frame, std::uint32_t unpacked) {
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (stated == ZSTD_CONTENTSIZE_ERROR) fail_input("", "does not begin with a zstd frame");
  if (stated != ZSTD_CONTENTSIZE_UNKNOWN && stated != unpacked) {
    fail_input("", fmt::format("its zstd frame holds {} bytes, the index says {}", stated, unpacked));
  }
}

}  // namespace

void FreeZstdContext::operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }

ZstdContext make_zstd_context() {
  ZstdContext context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context;
}

// ZSTD_decompressDCtx() reads a header twice and walks over frames and blocks: a quarter of its instructions for a molecule
// of 12 atoms, whose one block is handed over directly instead.
void ZstdDecoder::decompress(Bytes frame, std::uint32_t unpacked, std::vector<std::byte>& scratch) {
  const std::size_t header = plain_header(frame, unpacked);
  if (header == 0) check_stated_size(frame, unpacked);
  if (scratch.size() < unpacked) scratch.resize(unpacked);

  ZSTD_DCtx* const zstd = context_.get();
  const bool direct = header != 0 && unpacked <= kMostInBlock && ZSTD_decompressBegin && ZSTD_decompressBlock;
  const Bytes block = direct ? only_block(frame.subspan(header)) : Bytes{};
  if (!block.empty() && block.size() <= unpacked) {  // what is compressed is not longer, or libzstd would not take it
    ZSTD_decompressBegin(zstd);
    if (ZSTD_decompressBlock(zstd, scratch.data(), unpacked, block.data(), block.size()) == unpacked) return;
  }
  const std::size_t n = ZSTD_decompressDCtx(zstd, scratch.data(), unpacked, frame.data(), frame.size());
  if (ZSTD_isError(n)) fail_input("", fmt::format("does not decompress (zstd: {})", ZSTD_getErrorName(n)));
  if (n != unpacked) fail_input("", fmt::format("decompresses to {} bytes, the index says {}", n, unpacked));
}

}  // namespace atp

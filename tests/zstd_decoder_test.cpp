#include "core/atp/zstd_decoder.h"

#include <doctest/doctest.h>
#include <zstd.h>

#include <memory>
#include <optional>
#include <random>

#include "core/base/error.h"
#include "tests/support/refusal.h"

using namespace atp;

namespace {

using Buffer = std::vector<std::byte>;

enum class Content { zeros, text, noise };

// As long as asked for: nothing but zeros, bytes that compress a little, and bytes that do not.
Buffer content(Content kind, std::size_t size, std::mt19937_64& random) {
  Buffer out(size);
  if (kind == Content::zeros) return out;
  std::uniform_int_distribution<int> byte(0, kind == Content::text ? 20 : 255);
  for (std::size_t i = 0; i < size; ++i) {
    const bool again = kind == Content::text && i >= 40 && byte(random) < 10;
    out[i] = again ? out[i - 40] : static_cast<std::byte>(byte(random));
  }
  return out;
}

struct Options {
  int level = 3;
  bool checksum = false, states_size = true;
};

Buffer frame_of(const Buffer& bytes, Options options = {}) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, options.level);
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_checksumFlag, options.checksum);
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_contentSizeFlag, options.states_size);
  Buffer out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress2(zstd.get(), out.data(), out.size(), bytes.data(), bytes.size()));
  return out;
}

// What libzstd makes of a frame that must hold `size` bytes; nothing when it refuses.
std::optional<Buffer> by_library(const Buffer& frame, std::size_t size) {
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (stated == ZSTD_CONTENTSIZE_ERROR || (stated != ZSTD_CONTENTSIZE_UNKNOWN && stated != size)) return std::nullopt;
  Buffer out(size);
  const std::size_t n = ZSTD_decompress(out.data(), size, frame.data(), frame.size());
  return n == size ? std::optional(out) : std::nullopt;
}

std::optional<Buffer> by_decoder(ZstdDecoder& decoder, const Buffer& frame, std::size_t size, Buffer& scratch) {
  try {
    decoder.decompress(frame, static_cast<std::uint32_t>(size), scratch);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return std::nullopt;
  }
  return Buffer(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(size));
}

std::string refused(const Buffer& frame, std::uint32_t unpacked) {
  return test::refusal(
      [&] {
        Buffer scratch;
        ZstdDecoder().decompress(frame, unpacked, scratch);
      },
      Exit::input);
}

}  // namespace

// Where the width of the size in the header changes, and the number of blocks.
TEST_CASE("frames of every size and header give back their bytes") {
  std::mt19937_64 random(1);
  ZstdDecoder decoder;
  Buffer scratch;
  for (const std::size_t size : {0, 1, 2, 3, 40, 255, 256, 257, 460, 4000, 65791, 65792, 131071, 131072, 131073, 500000}) {
    for (const Content kind : {Content::zeros, Content::text, Content::noise}) {
      const Buffer bytes = content(kind, size, random);
      for (const Options options : {Options{}, Options{-5}, Options{19}, Options{3, true}, Options{3, false, false}, Options{1, true, false}}) {
        CAPTURE(size);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(options.level);
        const auto got = by_decoder(decoder, frame_of(bytes, options), size, scratch);
        REQUIRE(got);
        CHECK(*got == bytes);
      }
    }
  }
}

TEST_CASE("damaged frames are what libzstd takes them for") {
  std::mt19937_64 random(2);
  ZstdDecoder decoder;
  Buffer scratch;
  int refusals = 0;
  const auto same = [&](const Buffer& frame, std::size_t size) {
    const auto want = by_library(frame, size);
    refusals += !want;
    return by_decoder(decoder, frame, size, scratch) == want;
  };
  for (int round = 0; round < 30; ++round) {
    const std::size_t size = 20 + random() % 900;
    const Buffer frame = frame_of(content(Content::text, size, random), {3, round % 3 == 0});
    for (int change = 0; change < 300; ++change) {
      Buffer changed = frame;
      const std::size_t at = random() % 2 ? random() % changed.size() : random() % 10;
      changed[at] ^= static_cast<std::byte>(1U << random() % 8);
      CAPTURE(at);
      REQUIRE(same(changed, size));
    }
    for (std::size_t cut = 0; cut < frame.size(); ++cut) REQUIRE(same(Buffer(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(cut)), size));
    Buffer longer = frame;
    longer.push_back(std::byte{7});
    REQUIRE(same(longer, size));
    REQUIRE(same(frame, size - 1));
    REQUIRE(same(frame, size + 1));
  }
  CHECK(refusals > 1000);
}

TEST_CASE("a frame that cannot be a record says why, before memory is taken for it") {
  std::mt19937_64 random(3);
  const Buffer bytes = content(Content::text, 300, random);
  const Buffer frame = frame_of(bytes);
  CHECK(refused(frame, 299) == "its zstd frame holds 300 bytes, the index says 299");
  CHECK(refused(frame, 4'000'000'000) == "its zstd frame holds 300 bytes, the index says 4000000000");
  CHECK(refused(bytes, 300) == "does not begin with a zstd frame");
  CHECK(refused({}, 300) == "does not begin with a zstd frame");
  CHECK(refused(frame_of(bytes, {3, false, false}), 301) == "decompresses to 300 bytes, the index says 301");
  Buffer damaged = frame;
  damaged.back() = std::byte{0};  // the end of the sequences' bits, which are read backwards
  CHECK(refused(damaged, 300).starts_with("does not decompress (zstd: "));
}

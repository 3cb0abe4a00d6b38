#include "core/atp/codec.h"

#include <fmt/format.h>
#include <lz4.h>
#include <lz4hc.h>
#include <zstd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/atp/zstd_decoder.h"
#include "core/base/error.h"

namespace atp {
namespace {

constexpr int kDefaultZstdLevel = 3;
constexpr int kLz4Level = 12;  // high compression, as the reference writes it: reads are what is repeated

}  // namespace

// lz4: a length byte of 255 adds 255 bytes. zstd: a block of 128 KiB in 4 bytes (RFC 8878, RLE blocks).
std::uint64_t most_unpacked(CodecId id, std::uint64_t stored) {
  switch (id) {
    case CodecId::none: return stored;
    case CodecId::lz4: return stored * 255 + 64;
    case CodecId::zstd: break;
  }
  return (stored / 4 + 1) * (std::uint64_t{128} << 10);
}

std::optional<ZstdFrame> zstd_frame_at(Bytes bytes) {
  if (bytes.size() < 4 || load<std::uint32_t>(bytes.data()) != ZSTD_MAGICNUMBER) [[likely]] return std::nullopt;
  const unsigned long long unpacked = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (unpacked > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;  // an error, or not stated
  const std::size_t stored = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(stored) || stored > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return ZstdFrame{stored, static_cast<std::uint32_t>(unpacked)};
}

const std::vector<std::string_view>& codec_names() {
  static const std::vector<std::string_view> names = {"none", "lz4", "zstd"};
  return names;
}

std::string codec_name(const Codec& c) {
  if (c.id == CodecId::zstd) return fmt::format("zstd:{}", c.level);
  return std::string(codec_names()[static_cast<std::size_t>(c.id)]);
}

std::optional<Codec> parse_codec(std::string_view text) {
  if (text == "none") return Codec{CodecId::none, 0};
  if (text == "lz4") return Codec{CodecId::lz4, 0};
  if (text == "zstd") return Codec{CodecId::zstd, kDefaultZstdLevel};
  if (!text.starts_with("zstd:")) return std::nullopt;
  int level = 0;
  const auto digits = text.substr(5);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel() || level == 0) return std::nullopt;
  return Codec{CodecId::zstd, level};
}

struct CodecContext::State {
  ZSTD_CCtx* compressor = nullptr;
  std::optional<ZstdDecoder> zstd;
  std::vector<char> lz4;

  ~State() { ZSTD_freeCCtx(compressor); }
};

CodecContext::CodecContext(Codec codec) : codec_(codec), state_(std::make_unique<State>()) {}
CodecContext::CodecContext(CodecContext&&) noexcept = default;
CodecContext& CodecContext::operator=(CodecContext&&) noexcept = default;
CodecContext::~CodecContext() = default;

std::size_t CodecContext::compress(Bytes record, std::vector<std::byte>& out) {
  const std::size_t start = out.size();
  switch (codec_.id) {
    case CodecId::none: out.insert(out.end(), record.begin(), record.end()); break;
    case CodecId::lz4: {
      if (record.size() > LZ4_MAX_INPUT_SIZE) {
        fail_input("", fmt::format("the record has {} bytes, lz4 takes at most {}", record.size(), LZ4_MAX_INPUT_SIZE));
      }
      const int size = static_cast<int>(record.size());
      const int bound = LZ4_compressBound(size);
      if (state_->lz4.empty()) state_->lz4.resize(static_cast<std::size_t>(LZ4_sizeofStateHC()));
      out.resize(start + static_cast<std::size_t>(bound));
      const int n = LZ4_compress_HC_extStateHC(state_->lz4.data(), reinterpret_cast<const char*>(record.data()),
                                               reinterpret_cast<char*>(out.data() + start), size, bound, kLz4Level);
      if (n <= 0) throw Error(Exit::system, "", "lz4 failed to compress a record");
      out.resize(start + static_cast<std::size_t>(n));
      break;
    }
    case CodecId::zstd: {
      if (!state_->compressor && !(state_->compressor = ZSTD_createCCtx())) throw std::bad_alloc();
      const std::size_t bound = ZSTD_compressBound(record.size());
      out.resize(start + bound);
      const std::size_t n = ZSTD_compressCCtx(state_->compressor, out.data() + start, bound, record.data(), record.size(), codec_.level);
      if (ZSTD_isError(n)) throw Error(Exit::system, "", fmt::format("zstd failed to compress a record: {}", ZSTD_getErrorName(n)));
      out.resize(start + n);
      break;
    }
  }
  return out.size() - start;
}

Bytes CodecContext::decompress(Bytes stored, std::uint32_t unpacked, std::vector<std::byte>& scratch) {
  if (codec_.id == CodecId::none) {
    if (stored.size() != unpacked) {
      fail_input("", fmt::format("{} bytes are stored uncompressed, the index says {}", stored.size(), unpacked));
    }
    return stored;
  }
  if (unpacked > most_unpacked(codec_.id, stored.size())) {
    fail_input("", fmt::format("{} stored bytes cannot hold the {} that the index says", stored.size(), unpacked));
  }
  if (codec_.id == CodecId::zstd) {
    if (!state_->zstd) state_->zstd.emplace();
    state_->zstd->decompress(stored, unpacked, scratch);
  } else {
    constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int>::max());
    if (scratch.size() < unpacked) scratch.resize(unpacked);
    if (stored.size() > kMost || unpacked > kMost) fail_input("", "is larger than lz4 can unpack");
    const int n = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(scratch.data()),
                                      static_cast<int>(stored.size()), static_cast<int>(unpacked));
    if (n < 0 || static_cast<std::uint32_t>(n) != unpacked) fail_input("", "does not decompress (lz4)");
  }
  return Bytes(scratch).first(unpacked);
}

}  // namespace atp

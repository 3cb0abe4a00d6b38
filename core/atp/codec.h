// Per-record compression (FORMAT.md, "Codecs").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// The values lie in files: frozen.
enum class CodecId : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };

struct Codec {
  CodecId id = CodecId::none;
  std::int32_t level = 0;  // zstd only

  bool operator==(const Codec&) const = default;
};

// "none", "lz4", "zstd" (level 3) or "zstd:LEVEL"; nothing for any other text.
std::optional<Codec> parse_codec(std::string_view text);
std::string codec_name(const Codec& codec);  // "none", "lz4", "zstd:3"
const std::vector<std::string_view>& codec_names();

// No record can have more bytes than this when `stored` bytes hold it; an index that claims more lies.
std::uint64_t most_unpacked(CodecId id, std::uint64_t stored);

// The zstd frame that begins at the first of `bytes`; nothing when none does, when it is not whole or
// does not say its size.
struct ZstdFrame {
  std::size_t stored;
  std::uint32_t unpacked;
};
std::optional<ZstdFrame> zstd_frame_at(Bytes bytes);

// Compresses and decompresses record after record with contexts made once. One thread.
class CodecContext {
 public:
  explicit CodecContext(Codec codec);
  CodecContext(CodecContext&&) noexcept;
  CodecContext& operator=(CodecContext&&) noexcept;
  ~CodecContext();

  const Codec& codec() const { return codec_; }

  // Appends the stored form of `record` to `out`; returns its size.
  std::size_t compress(Bytes record, std::vector<std::byte>& out);

  // The record behind `stored`. With codec none these are the stored bytes themselves; otherwise
  // `scratch` holds the result and grows to `unpacked` bytes at most. Throws Error (exit 3) when the
  // bytes do not decompress to exactly `unpacked`.
  Bytes decompress(Bytes stored, std::uint32_t unpacked, std::vector<std::byte>& scratch);

 private:
  struct State;
  Codec codec_;
  std::unique_ptr<State> state_;
};

}  // namespace atp

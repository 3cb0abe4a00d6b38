// Fuzz target: a byte that names the decompressor, a size, then compressed bytes: records' codecs,
// and gzip, xz, zstd and bzip2 as inputs come in.
#include <array>
#include <memory>

#include "core/atp/codec.h"
#include "core/base/error.h"
#include "formats/byte_source.h"
#include "tests/fuzz/fuzz_support.h"

using namespace atp;
using fuzz::require;

namespace {

void unpack_record(Codec codec, Bytes stored, std::uint32_t unpacked) {
  static std::array<std::vector<std::byte>, 3> scratches;
  CodecContext context(codec);
  std::vector<std::byte>& scratch = scratches[static_cast<std::size_t>(codec.id)];
  require(context.decompress(stored, unpacked, scratch).size() == unpacked);
}

// A small input may be a bomb, which is read like any other stream: in bounded memory, so only the
// fuzzer's patience is a limit.
void read_stream(Bytes bytes) {
  ByteSource source("fuzz.gz", bytes);
  require(source.peek().size() <= (std::size_t{64} << 10));
  std::array<char, 4096> buffer;
  for (std::size_t total = 0; total < (std::size_t{8} << 20);) {
    const std::size_t n = source.read(buffer);
    if (n == 0) break;
    total += n;
  }
  require(source.position() <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = fuzz::bytes_of(data, size);
  const std::uint8_t which = fuzz::take_byte(rest) % 4;
  try {
    if (which == 3) {
      read_stream(rest);
    } else {
      std::uint32_t unpacked = 0;
      const Bytes raw = fuzz::take(rest, sizeof unpacked);
      if (raw.size() == sizeof unpacked) unpacked = load<std::uint32_t>(raw.data());
      unpack_record({static_cast<CodecId>(which), 0}, rest, unpacked % (64U << 20));
    }
  } catch (const Error& e) {
    require(e.exit() == Exit::input);
  }
  return 0;
}

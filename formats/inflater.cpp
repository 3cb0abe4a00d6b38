#include "formats/inflater.h"

#include <fmt/format.h>
#include <simdjson.h>
#ifdef ATP_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include <algorithm>

#include "core/base/error.h"

namespace atp {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;

[[noreturn]] void fail_damaged() { fail_input("", "is no whole zlib stream", "the file is damaged; copy it again"); }

}  // namespace

void Inflater::grow() {
  if (out_.size() > kMostBytes) fail_input("", fmt::format("inflates to more than {} bytes", kMostBytes));
  out_.resize(std::max<std::size_t>(out_.size() * 2, std::size_t{64} << 10));
}

#ifdef ATP_HAVE_LIBDEFLATE

// About twice as fast as zlib; it needs the whole output at once, so a row that does not fit is begun anew.
struct Inflater::Engine {
  Engine() : decompressor(libdeflate_alloc_decompressor()) {
    if (decompressor == nullptr) throw std::bad_alloc();
  }
  ~Engine() { libdeflate_free_decompressor(decompressor); }
  libdeflate_decompressor* decompressor;
};

std::string_view Inflater::inflate(Bytes packed) {
  if (out_.empty()) grow();
  for (;; grow()) {
    std::size_t used = 0, size = 0;
    switch (libdeflate_zlib_decompress_ex(engine_->decompressor, packed.data(), packed.size(), out_.data(), out_.size() - kPadding, &used, &size)) {
      case LIBDEFLATE_SUCCESS: return {out_.data(), size};
      case LIBDEFLATE_INSUFFICIENT_SPACE: break;
      default: fail_damaged();
    }
  }
}

#else

struct Inflater::Engine {
  Engine() {
    if (::inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  }
  ~Engine() { ::inflateEnd(&stream); }
  z_stream stream = {};
};

std::string_view Inflater::inflate(Bytes packed) {
  z_stream& stream = engine_->stream;
  ::inflateReset(&stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT32_MAX));
  std::size_t size = 0;
  for (;;) {
    if (out_.size() <= size + kPadding) grow();
    stream.next_out = reinterpret_cast<Bytef*>(out_.data() + size);
    const std::size_t room = out_.size() - size - kPadding;
    stream.avail_out = static_cast<uInt>(room);
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    size += room - stream.avail_out;
    if (code == Z_STREAM_END) return {out_.data(), size};
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) fail_damaged();
  }
}

#endif

Inflater::Inflater() : engine_(std::make_unique<Engine>()) {}
Inflater::~Inflater() = default;

}  // namespace atp

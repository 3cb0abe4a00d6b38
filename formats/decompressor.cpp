#include "formats/decompressor.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#ifdef ATP_HAVE_LZMA
#include <lzma.h>
#endif
#ifdef ATP_HAVE_BZIP2
#include <bzlib.h>
#endif

#include <algorithm>
#include <limits>
#include <new>
#include <string>

#include "core/base/error.h"

namespace atp {

namespace {

// The libraries count in 32 bits.
constexpr std::size_t kMostPerStep = std::size_t{1} << 30;

[[noreturn]] void fail_damaged(std::string_view format, std::string_view reason) {
  fail_input("", fmt::format("is damaged: its {} stream says '{}'", format, reason));
}

[[noreturn]] void fail_trailing(std::string_view format) {
  fail_input("", fmt::format("has bytes after its {0} stream that are not {0}", format), "copy or download it again");
}

class Gzip : public Decompressor {
 public:
  Gzip() {
    if (inflateInit2(&z_, 15 + 16) != Z_OK) throw std::bad_alloc();  // 15: window, 16: gzip wrapper only
  }
  ~Gzip() override { inflateEnd(&z_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  std::size_t step(Bytes& in, std::span<char> out) override {
    if (between_ && !in.empty() && !begin_member(in)) return 0;
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    z_.avail_in = static_cast<uInt>(std::min(in.size(), kMostPerStep));
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(std::min(out.size(), kMostPerStep));
    const uInt had_in = z_.avail_in, had_out = z_.avail_out;
    const int code = inflate(&z_, Z_NO_FLUSH);
    in = in.subspan(had_in - z_.avail_in);
    const std::size_t written = had_out - z_.avail_out;
    if (code == Z_STREAM_END) {
      between_ = true;
      ++members_;
      inflateReset(&z_);
    } else if (code == Z_DATA_ERROR || code == Z_NEED_DICT) {
      if (members_ > 0 && z_.total_out == 0) fail_trailing(format());
      fail_damaged(format(), z_.msg != nullptr ? z_.msg : "no reason");
    } else if (code == Z_MEM_ERROR) {
      throw std::bad_alloc();
    }
    return written;
  }
  bool complete() const override { return between_; }
  std::string_view format() const override { return "gzip"; }

 private:
  // Padding with zeros, as tapes and block devices leave it, may follow the last member.
  bool begin_member(Bytes& in) {
    while (members_ > 0 && !in.empty() && in.front() == std::byte{0}) {
      in = in.subspan(1);
      padded_ = true;
    }
    if (in.empty()) return false;
    if (padded_) fail_trailing(format());
    between_ = false;
    return true;
  }

  z_stream z_ = {};
  bool between_ = true, padded_ = false;
  std::uint64_t members_ = 0;
};

class Zstd : public Decompressor {
 public:
  Zstd() : z_(ZSTD_createDStream()) {
    if (z_ == nullptr) throw std::bad_alloc();
  }
  ~Zstd() override { ZSTD_freeDStream(z_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  std::size_t step(Bytes& in, std::span<char> out) override {
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(z_, &target, &source);
    if (ZSTD_isError(left)) fail(left);
    in = in.subspan(source.pos);
    if (source.pos > 0 || target.pos > 0) complete_ = left == 0;
    frames_ += left == 0;
    return target.pos;
  }
  bool complete() const override { return complete_; }
  std::string_view format() const override { return "zstd"; }

 private:
  [[noreturn]] void fail(std::size_t code) const {
    switch (ZSTD_getErrorCode(code)) {
      case ZSTD_error_frameParameter_windowTooLarge:
        // zstd's own default: an input cannot ask for memory without bound.
        fail_input("", "needs more than 128 MiB of memory to decompress", "decompress it first with zstd -d --long=31");
      case ZSTD_error_memory_allocation: throw std::bad_alloc();
      case ZSTD_error_prefix_unknown:
        if (frames_ > 0) fail_trailing(format());
        break;
      default: break;
    }
    fail_damaged(format(), ZSTD_getErrorName(code));
  }

  ZSTD_DStream* z_;
  bool complete_ = true;
  std::uint64_t frames_ = 0;
};

#ifdef ATP_HAVE_LZMA

// Streams one by one rather than with LZMA_CONCATENATED, which calls bytes behind the last one damage.
class Xz : public Decompressor {
 public:
  Xz() = default;
  ~Xz() override { lzma_end(&z_); }
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;

  std::size_t step(Bytes& in, std::span<char> out) override {
    if (!open_ && !begin_stream(in)) return 0;
    z_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    z_.avail_in = in.size();
    z_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    z_.avail_out = out.size();
    const lzma_ret code = lzma_code(&z_, LZMA_RUN);
    in = in.subspan(in.size() - z_.avail_in);
    const std::size_t written = out.size() - z_.avail_out;
    switch (code) {
      case LZMA_OK:
      case LZMA_BUF_ERROR: break;  // no progress: the caller asks complete()
      case LZMA_STREAM_END:
        open_ = false;
        ++streams_;
        break;
      case LZMA_MEM_ERROR: throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        fail_input("", "needs more than 512 MiB of memory to decompress", "decompress it first with xz -d");
      case LZMA_FORMAT_ERROR:
        if (streams_ > 0) fail_trailing(format());
        [[fallthrough]];
      default: fail_damaged(format(), "data error");
    }
    return written;
  }
  bool complete() const override { return !open_; }
  std::string_view format() const override { return "xz"; }

 private:
  static constexpr std::uint64_t kMostMemory = std::uint64_t{512} << 20;

  // Zeros may stand between and behind streams.
  bool begin_stream(Bytes& in) {
    while (streams_ > 0 && !in.empty() && in.front() == std::byte{0}) in = in.subspan(1);
    if (in.empty()) return false;
    if (lzma_stream_decoder(&z_, kMostMemory, 0) != LZMA_OK) throw std::bad_alloc();
    open_ = true;
    return true;
  }

  lzma_stream z_ = LZMA_STREAM_INIT;
  bool open_ = false;
  std::uint64_t streams_ = 0;
};

#endif
#ifdef ATP_HAVE_BZIP2

class Bzip2 : public Decompressor {
 public:
  ~Bzip2() override { end(); }

  std::size_t step(Bytes& in, std::span<char> out) override {
    if (!open_ && !in.empty()) begin();
    if (!open_) return 0;
    z_.next_in = reinterpret_cast<char*>(const_cast<std::byte*>(in.data()));
    z_.avail_in = static_cast<unsigned>(std::min(in.size(), kMostPerStep));
    z_.next_out = out.data();
    z_.avail_out = static_cast<unsigned>(std::min(out.size(), kMostPerStep));
    const unsigned had_in = z_.avail_in, had_out = z_.avail_out;
    const int code = BZ2_bzDecompress(&z_);
    in = in.subspan(had_in - z_.avail_in);
    const std::size_t written = had_out - z_.avail_out;
    if (code == BZ_STREAM_END) {
      end();
      ++members_;
    } else if (code == BZ_DATA_ERROR_MAGIC) {
      if (members_ > 0) fail_trailing(format());
      fail_damaged(format(), "bad magic");
    } else if (code == BZ_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (code != BZ_OK) {
      fail_damaged(format(), "data error");
    }
    return written;
  }
  bool complete() const override { return !open_; }
  std::string_view format() const override { return "bzip2"; }

 private:
  void begin() {
    z_ = {};
    if (BZ2_bzDecompressInit(&z_, 0, 0) != BZ_OK) throw std::bad_alloc();
    open_ = true;
  }
  void end() {
    if (open_) BZ2_bzDecompressEnd(&z_);
    open_ = false;
  }

  bz_stream z_ = {};
  bool open_ = false;
  std::uint64_t members_ = 0;
};

#endif

template <class T>
std::unique_ptr<Decompressor> make() {
  return std::make_unique<T>();
}

[[maybe_unused]] std::unique_ptr<Decompressor> fail_left_out(std::string_view format, std::string_view tool) {
  fail_input("", fmt::format("is {}-compressed, which this build of atp cannot read", format),
             fmt::format("decompress it first with {} -d", tool));
}

struct Magic {
  std::string_view bytes;
  std::unique_ptr<Decompressor> (*make)();
};

constexpr Magic kMagics[] = {
    {"\x1F\x8B", make<Gzip>},
    {"\x28\xB5\x2F\xFD", make<Zstd>},
#ifdef ATP_HAVE_LZMA
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     make<Xz>},
#else
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     [] { return fail_left_out("xz", "xz"); }},
#endif
#ifdef ATP_HAVE_BZIP2
    {"BZh", make<Bzip2>},
#else
    {"BZh", [] { return fail_left_out("bzip2", "bzip2"); }},
#endif
};

}  // namespace

std::unique_ptr<Decompressor> make_decompressor(std::string_view head) {
  for (const Magic& magic : kMagics) {
    if (head.starts_with(magic.bytes)) return magic.make();
  }
  return nullptr;
}

}  // namespace atp

#include "formats/byte_source.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

// As the build: what is installed is used.
#if __has_include(<bzlib.h>)
#include <bzlib.h>
#define HAVE_BZIP2
#endif
#if __has_include(<lzma.h>)
#include <lzma.h>
#define HAVE_LZMA
#endif

#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "tests/support/files.h"

using namespace atp;
using namespace atp::test;

namespace {

std::string gzip(std::string_view text) {
  z_stream z = {};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

#ifdef HAVE_LZMA
std::string xz(std::string_view text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                  text.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size,
                                  out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}
#endif
#ifdef HAVE_BZIP2
std::string bzip2(std::string_view text) {
  auto size = static_cast<unsigned>(text.size() + text.size() / 50 + 700);
  std::string out(size, '\0');
  REQUIRE(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(text.data()),
                                   static_cast<unsigned>(text.size()), 1, 0, 0) == BZ_OK);
  out.resize(size);
  return out;
}
#endif

struct Packing {
  const char* name;
  std::string (*compress)(std::string_view);
};
constexpr Packing kPackings[] = {
    {"gzip", gzip},
    {"zstd", zstd},
#ifdef HAVE_LZMA
    {"xz", xz},
#endif
#ifdef HAVE_BZIP2
    {"bzip2", bzip2},
#endif
};

std::string drain(ByteSource& source, std::size_t piece = 70'000) {
  std::string out, buffer(piece, '\0');
  while (const std::size_t n = source.read(buffer)) out.append(buffer, 0, n);
  CHECK(source.read(buffer) == 0);
  return out;
}

std::string read_back(std::string_view bytes, std::size_t piece = 70'000) {
  ByteSource source("mem", as_bytes(bytes));
  return drain(source, piece);
}

std::string problem(std::string_view bytes) {
  try {
    read_back(bytes);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    CHECK(e.where() == "mem");
    return e.problem();
  }
  return "";
}

std::string sample(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < bytes) text += std::to_string(random() % 100000) + (random() % 8 == 0 ? "\n" : " ");
  return text;
}

}  // namespace

TEST_CASE("byte source: plain bytes, in any pieces") {
  const std::string text = sample(300'000);
  CHECK(read_back(text) == text);
  CHECK(read_back(text, 1'000'000) == text);
  CHECK(read_back("a", 1) == "a");
  CHECK(read_back("") == "");
}

TEST_CASE("byte source: every compression") {
  const std::string text = sample(1'500'000);
  for (const Packing& k : kPackings) {
    CAPTURE(k.name);
    CHECK(read_back(k.compress(text)) == text);
    CHECK(read_back(k.compress(text), 1009) == text);
    CHECK(read_back(k.compress("")) == "");
  }
}

TEST_CASE("byte source: several members one after the other") {
  const std::string a = sample(100'000), b = "second\n";
  for (const Packing& k : kPackings) {
    CAPTURE(k.name);
    CHECK(read_back(k.compress(a) + k.compress(b) + k.compress("") + k.compress(a)) == a + b + a);
  }
#ifdef HAVE_LZMA
  CHECK(read_back(xz(a) + std::string(8, '\0') + xz(b)) == a + b);  // padding of the format
#endif
  CHECK(read_back(gzip(a) + std::string(1000, '\0')) == a);  // padding of tapes
}

TEST_CASE("byte source: cut short at any byte") {
  const std::string text = sample(3000);
  for (const Packing& k : kPackings) {
    const std::string whole = k.compress(text);
    for (std::size_t n = 6; n < whole.size(); ++n) {
      CAPTURE(k.name);
      CAPTURE(n);
      CHECK(problem(whole.substr(0, n)) == std::string("is cut short in its ") + k.name + " stream");
    }
    const std::string two = whole + whole.substr(0, whole.size() - 3);
    CHECK(problem(two) == std::string("is cut short in its ") + k.name + " stream");
  }
}

TEST_CASE("byte source: bytes after the last member") {
  for (const Packing& k : kPackings) {
    CAPTURE(k.name);
    const std::string p = problem(k.compress("hello\n") + "trailing garbage, long enough");
    CHECK(p == std::string("has bytes after its ") + k.name + " stream that are not " + k.name);
  }
  CHECK(problem(gzip("a") + std::string(5, '\0') + gzip("b")) == "has bytes after its gzip stream that are not gzip");
}

TEST_CASE("byte source: a flipped bit gives an error or the same bytes") {
  const std::string text = sample(2000);
  for (const Packing& k : kPackings) {
    const std::string whole = k.compress(text);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string bad = whole;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      CAPTURE(k.name);
      CAPTURE(i);
      try {
        const std::string got = read_back(bad);
        // Without its magic it is plain bytes. A zstd frame of the simple function has no checksum.
        if (got != bad && std::string_view(k.name) != "zstd") CHECK(got == text);
      } catch (const Error& e) {
        CHECK(e.exit() == Exit::input);
      }
    }
  }
}

TEST_CASE("byte source: peek gives nothing away") {
  const std::string text = sample(200'000);
  for (const std::string& bytes : {text, gzip(text)}) {
    ByteSource source("mem", as_bytes(bytes));
    CHECK(source.peek() == std::string_view(text).substr(0, 65536));
    CHECK(source.peek() == std::string_view(text).substr(0, 65536));
    CHECK(drain(source) == text);
    CHECK(source.position() == bytes.size());
    CHECK(source.state().bytes == bytes.size());
    CHECK(source.state().xxh3 == xxh3(as_bytes(std::string_view(bytes))));
  }
  ByteSource small("mem", as_bytes("abc"));
  CHECK(small.peek() == "abc");
}

TEST_CASE("byte source: files, FIFOs and what is neither") {
  const TempDir dir;
  const std::string text = sample(100'000);
  write_text(dir / "a.gz", gzip(text));
  ByteSource file(dir / "a.gz");
  CHECK(file.name() == dir / "a.gz");
  CHECK_FALSE(file.state().xxh3.has_value());
  CHECK(drain(file) == text);

  const std::string fifo = dir / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(fifo) << text; });
  ByteSource pipe(fifo);
  CHECK(drain(pipe) == text);
  writer.join();

  CHECK_THROWS_AS(ByteSource{dir.path().string()}, Error);
  try {
    ByteSource missing(dir / "missing");
    FAIL("opened");
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
  }
}

TEST_CASE("byte source: a file that shrinks while it is read is no shorter file") {
  TempDir dir;
  const std::string path = dir / "x.xyz";
  write_text(path, std::string(3 << 20, 'x'));
  ByteSource source(path);
  std::vector<char> piece(1 << 20);
  REQUIRE(source.read(piece) > 0);
  std::filesystem::resize_file(path, 1 << 20);
  std::string said;
  try {
    while (source.read(piece) != 0) {
    }
  } catch (const Error& e) {
    said = e.what();
    CHECK(e.exit() == Exit::input);
  }
  CHECK(said.find(path + ": became shorter while it was read") == 0);
}

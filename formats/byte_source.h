// The bytes of one input, decompressed on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/base/hash.h"
#include "formats/format.h"

namespace atp {

class Decompressor;
class RawInput;

// A stream of bytes from a file, a pipe or memory. gzip, xz, zstd and bzip2 are recognised by
// content and decompressed, all members of them. One thread. Memory is bounded whatever the input
// says. What an input does wrong (cut short, damaged, bytes after the last member) is an Error
// (exit 3) naming it; I/O errors are exit 4.
class ByteSource {
 public:
  // `path` may be a file, a FIFO or device (waits for its writer), or "-" for stdin.
  explicit ByteSource(const std::string& path);
  // Reads `bytes` under the name `name`; they must outlive the source.
  ByteSource(std::string name, Bytes bytes);
  // Reads what `read` gives, under that name: as read(2), 0 at the end.
  ByteSource(std::string name, std::function<std::size_t(std::span<std::byte>)> read);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // Up to out.size() bytes; 0 only at the end (or when out is empty).
  std::size_t read(std::span<char> out);

  // The first bytes, at most 64 KiB, which read() will give again. Only before the first read().
  std::string_view peek();

  // Whether the bytes are decompressed on the way.
  bool compressed() const { return decompressor_ != nullptr; }
  // Bytes of the file taken so far, before decompression: for progress.
  std::uint64_t position() const { return position_; }
  // Bytes read and, at the end, their hash.
  InputState state() const;
  // For messages: the path, "<stdin>".
  const std::string& name() const { return name_; }

 private:
  void start();
  std::size_t read_raw(std::span<std::byte> out);
  void refill();
  std::size_t read_plain(std::span<char> out);
  std::size_t read_decompressed(std::span<char> out);

  std::string name_;
  std::unique_ptr<RawInput> input_;
  std::unique_ptr<Decompressor> decompressor_;  // none for plain bytes
  std::vector<std::byte> buffer_;               // raw bytes
  Bytes raw_;                                   // the part of buffer_ that is still to be used
  bool input_ended_ = false;
  Xxh3Stream hash_;  // of the raw bytes
  std::uint64_t position_ = 0;
  std::string head_;  // peeked
  std::size_t head_used_ = 0;
};

}  // namespace atp

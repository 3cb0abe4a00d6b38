// Streaming decompression behind ByteSource.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "core/base/byte_reader.h"

namespace atp {

// One compressed stream of one or more members. One thread.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Takes bytes off the front of `in` and returns how many it wrote to `out`. Throws Error (exit 3)
  // without a place: the caller knows the name.
  virtual std::size_t step(Bytes& in, std::span<char> out) = 0;
  // Whether the input may end here: after a member, not inside one.
  virtual bool complete() const = 0;
  virtual std::string_view format() const = 0;  // "gzip"
};

// The decompressor for an input that begins with `head` (6 bytes are enough); nullptr when it is
// not compressed. Throws Error (exit 3) when the format was left out of this build.
std::unique_ptr<Decompressor> make_decompressor(std::string_view head);

}  // namespace atp

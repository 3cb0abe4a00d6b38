// MessagePack values, as far as DeePMD's LMDB files use them (github.com/msgpack/msgpack/blob/master/spec.md).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"

namespace atp {

// One value and what follows it. Texts and bytes are borrowed.
class MsgpackReader {
 public:
  explicit MsgpackReader(Bytes bytes) : in_(bytes) {}

  // How many pairs a map has, items a list has. Throws Error (exit 3, no place) for another type, and for more
  // than there are bytes left.
  std::uint64_t map();
  std::uint64_t list();
  std::string_view text();
  Bytes binary();
  std::int64_t integer();
  // Passes over one value of any type, at most 32 levels deep.
  void skip(unsigned depth = 0);

 private:
  [[noreturn]] static void fail(std::uint8_t got, std::string_view wanted);
  std::uint64_t size(unsigned bytes);
  std::uint64_t counted(std::uint64_t n) const;
  std::uint8_t peek() const;

  ByteReader in_;
};

}  // namespace atp

// Arrays in NumPy's .npy format (numpy.lib.format, versions 1 to 3).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_reader.h"
#include "core/base/huge_buffer.h"

namespace atp {

// An array whose bytes somebody else keeps.
struct NpyArray {
  // As NumPy has them: 'i' 'u' integers, 'f' floats, 'b' booleans, 'S' 'U' texts; 'O' whatever else.
  char kind = 'i';
  bool is_signed = false;
  bool fortran_order = false;  // and more than one dimension
  bool big_endian = false;     // and more than one byte
  unsigned item_bytes = 0;     // integers: 1, 2, 4, 8
  std::vector<std::uint64_t> shape;
  Bytes data;     // exactly the array's bytes
  Bytes trailer;  // what follows it; NumPy does not look at it

  std::uint64_t size() const { return data.size() / item_bytes; }
  std::int64_t at(std::uint64_t i) const;  // i < size(); unsigned values above 2^63 wrap
};

// Throws Error (exit 3, at `name`): no .npy file, another type than an integer, big-endian, Fortran order in more than
// one dimension, a shape that the bytes do not hold.
NpyArray parse_npy(Bytes bytes, const std::string& name);

// The same for any type, byte order and order of dimensions. An array of kind 'O' has no data.
NpyArray parse_any_npy(Bytes bytes, const std::string& name);

// The values little-endian and in C order: a.data where they lie so, else a copy that is kept in `own`.
Bytes plain_data(const NpyArray& a, std::vector<std::byte>& own);

// The header of an array in C order; the data follow it. `type` as NumPy writes it: "<u4", "<i8".
std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape);

// One number per record, from 0 to 2^32 - 1. Throws Error (exit 3) naming the record.
HugeBuffer<std::uint32_t> counts_of(const NpyArray& array, const std::string& name);

}  // namespace atp

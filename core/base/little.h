// Little-endian integers and floats as they lie in a file: byte arrays with a load, so a struct
// of them is its table in FORMAT.md, has no padding and is never misaligned.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace atp {

static_assert(std::endian::native == std::endian::little,
              "atp copies numbers to and from files as they are; big-endian machines need byte swaps here");

// A value of T at `p`, which need not be aligned.
template <class T>
T load(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
void store(void* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

template <class T>
class Little {
 public:
  Little() = default;
  Little(T v) { store(bytes_, v); }            // NOLINT: a plain number in all but alignment
  operator T() const { return load<T>(bytes_); }  // NOLINT

 private:
  std::byte bytes_[sizeof(T)];
};

using le_u16 = Little<std::uint16_t>;
using le_u32 = Little<std::uint32_t>;
using le_u64 = Little<std::uint64_t>;
using le_i32 = Little<std::int32_t>;

}  // namespace atp

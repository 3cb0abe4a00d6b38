// What the fuzz targets of the .atp format share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/atp/layout.h"
#include "core/base/hash.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace atp::fuzz {

inline Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

// Stops the fuzzer: a promise was broken.
inline void require(bool kept) {
  if (!kept) __builtin_trap();
}

// Takes up to `n` bytes off the front.
inline Bytes take(Bytes& rest, std::size_t n) {
  const Bytes head = rest.first(std::min(n, rest.size()));
  rest = rest.subspan(head.size());
  return head;
}

inline std::uint8_t take_byte(Bytes& rest) {
  const Bytes b = take(rest, 1);
  return b.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(b[0]);
}

// A header slot from few bytes, so that the fuzzer does not have to get past 4 KB of zeros and two
// checksums: a byte of flags, the 76 bytes of fields, the extension's 80.
inline std::array<std::byte, kSlotBytes> take_slot(Bytes& rest) {
  std::array<std::byte, kSlotBytes> slot{};
  const std::uint8_t flags = take_byte(rest);
  const auto copy = [&](std::size_t at, Bytes from) {
    if (!from.empty()) std::memcpy(slot.data() + at, from.data(), from.size());
  };
  copy(0, take(rest, offsetof(RawSlot, reserved)));
  constexpr std::size_t hashed = offsetof(RawSlot, extension) + offsetof(RawExtension, slot_hash);
  if ((flags & 2) != 0) {
    copy(offsetof(RawSlot, extension), take(rest, offsetof(RawExtension, slot_hash)));
    store(slot.data() + hashed, xxh3(Bytes(slot).first(hashed)));
  }
  // Mostly the right one: what lies behind the check is what is looked for.
  const std::uint32_t sum = adler32(Bytes(slot).first(offsetof(RawSlot, adler32)));
  store(slot.data() + offsetof(RawSlot, adler32), (flags & 1) != 0 ? sum + 1 : sum);
  return slot;
}

}  // namespace atp::fuzz

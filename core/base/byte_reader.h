// A cursor over bytes of unknown quality: every size is compared with what is left before it is used.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/little.h"

namespace atp {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline Bytes as_bytes(std::string_view s) { return {reinterpret_cast<const std::byte*>(s.data()), s.size()}; }

// Borrows the bytes; they must outlive the reader and every span it hands out.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  // The next n bytes. Throws Error (exit 3) naming `what` when fewer are left.
  Bytes take(std::uint64_t n, const char* what) {
    if (n > rest_.size()) [[unlikely]] fail_short(n, what);
    Bytes head = rest_.first(static_cast<std::size_t>(n));
    rest_ = rest_.subspan(static_cast<std::size_t>(n));
    return head;
  }

  template <class T>
  T number(const char* what) {
    return load<T>(take(sizeof(T), what).data());
  }

  Bytes rest() const { return rest_; }

 private:
  [[noreturn]] void fail_short(std::uint64_t wanted, const char* what) const;

  Bytes rest_;
};

}  // namespace atp

// Numbers and texts as processes of one job send them to each other: same program, same byte order.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/byte_reader.h"

namespace atp {

inline void put(std::string& out, std::uint64_t v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); }

inline void put(std::string& out, const std::string& text) {
  put(out, text.size());
  out += text;
}

// Throw Error (exit 3) where fewer bytes are left.
inline std::uint64_t get_number(ByteReader& in) { return in.number<std::uint64_t>("a result"); }
inline std::string get_text(ByteReader& in) { return std::string(as_text(in.take(get_number(in), "a result"))); }

}  // namespace atp

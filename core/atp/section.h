// A named value of a molecule, borrowed from wherever it lies: a record or a Structure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/atp/layout.h"

namespace atp {

// Borrows key and payload from the record or Structure it came from.
struct SectionView {
  Kind kind;
  Type type;
  std::string_view key;
  Bytes payload;
};

// The numbers of a payload, unaligned as they lie in the file.
struct NumbersView {
  Scalar scalar = Scalar::none;
  std::uint64_t count = 0;
  const std::byte* data = nullptr;

  // Number i as a double (i64 beyond 2^53 loses digits: use integer()).
  double real(std::uint64_t i) const;
  // Number i of an integer or boolean array.
  std::int64_t integer(std::uint64_t i) const;
};

// A payload taken apart. Borrows from the section.
struct ValueView {
  const TypeInfo* info = nullptr;
  NumbersView numbers;    // empty for strings and nulls
  std::string_view text;  // strings only
  Bytes raw_dims;         // tensors: u32 each

  // Shape: [] for scalars, strings and nulls, [n], [n, 3], [3, 3], [3], or a tensor's dimensions.
  std::vector<std::uint64_t> shape() const;
};

// Takes a payload apart and checks it: whole elements, tensor dimensions that agree with the bytes.
// `n_atoms` is not looked at. Throws Error (exit 3) naming the key.
ValueView decode_value(const SectionView& section);

}  // namespace atp

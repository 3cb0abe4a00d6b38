// Where the builtin fields of a record lie, found fast in records that look alike.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/atp/record.h"

namespace atp {

// The place of each builtin in kBuiltins. Frozen there by their sorted keys.
enum class Builtin : std::uint8_t { charges, cell, energy, forces, name, pbc, stress, velocities };

// One thread; one per thread.
class BuiltinFinder {
 public:
  // A builtin of the record, its payload as long as the number of atoms asks; `data` is nullptr when absent.
  struct Field {
    const std::byte* data = nullptr;
    std::uint32_t bytes = 0;
    Type type = Type::null;
  };

  // All builtins of the record, valid as long as its bytes and until the next call. Throws Error
  // (exit 3): a section that does not walk, a builtin of the wrong type or length.
  const std::array<Field, 8>& find(const RecordView& record);

 private:
  struct Part {
    std::size_t head;       // kind, key length, key, type: bytes of heads_
    int builtin;            // place in kBuiltins, or -1
    std::uint32_t fixed, per_atom;  // payload bytes of a builtin; not looked at for the rest
    bool any_length;
    Type type;
  };

  bool follow_pattern(const RecordView& record);
  void walk(const RecordView& record);

  std::array<Field, 8> fields_;
  // The sections of the last record that was walked: the next ones mostly have the same.
  std::vector<std::byte> heads_;
  std::vector<Part> parts_;
};

}  // namespace atp

// Where the builtin fields of a record lie, found fast in records that look alike.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/atp/record.h"
#include "core/atp/section_pattern.h"

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
  struct Place {
    int builtin;  // place in kBuiltins, or -1
    Type type;
  };

  void walk(const RecordView& record);

  std::array<Field, 8> fields_;
  SectionPattern pattern_{SectionPattern::Of::builtins};
  std::vector<Place> places_;  // of the pattern's sections
};

}  // namespace atp

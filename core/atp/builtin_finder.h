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
  // A builtin of the record, its payload as long as type and number of atoms ask; `data` is nullptr when absent.
  struct Field {
    const std::byte* data = nullptr;
    Type type = Type::null;
  };
  using Fields = std::array<Field, 9>;  // by Builtin; the last one stands for all that is no builtin

  // All builtins of the record, valid as long as its bytes and until the next call. Throws Error
  // (exit 3): a section that does not walk, a builtin of the wrong type or length.
  const Fields& find(const RecordView& record) {
    // What records of one pattern have is the same; only where it lies differs.
    const std::size_t known = patterns_.match(record, [this](std::size_t number, std::size_t i, const std::byte* payload) {
      Layout& layout = layouts_[number];
      layout.fields[layout.places[i]].data = payload;
    });
    return (known != SectionPatterns::kMost ? layouts_[known] : walk(record)).fields;
  }

 private:
  static constexpr std::size_t kNoBuiltin = 8;  // place in Fields

  // Of the records of one pattern.
  struct Layout {
    Fields fields;
    std::vector<std::size_t> places;  // in fields, of the pattern's sections
  };
  const Layout& walk(const RecordView& record);

  SectionPatterns patterns_{SectionPattern::Of::builtins};
  std::array<Layout, SectionPatterns::kMost> layouts_;
};

}  // namespace atp

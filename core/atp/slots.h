// Both header slots of a file, whatever state they are in. Private to verify, repair and salvage.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/layout.h"
#include "core/atp/verify.h"
#include "core/io/input_file.h"

namespace atp {

struct NamedSlot {
  Slot slot;
  char name;  // 'A' or 'B'
};

struct FileSlots {
  std::vector<std::byte> head;                 // the first 8192 bytes, or as many as there are
  std::array<std::optional<Slot>, 2> slots;    // A, B; nothing when not valid
  std::array<std::string, 2> problems;         // why not
  std::string first_bytes;                     // why readers refuse the whole file, although B may be valid

  // The slot that counts, were it not for `first_bytes`: the newest valid one, A on a tie.
  std::optional<NamedSlot> newest() const;
  // The other one, if it is valid.
  std::optional<NamedSlot> older() const;
  bool all_sound() const { return slots[0] && slots[1]; }

  // Adds what is wrong with them.
  void report(Bounded<Damage>& damage) const;
};

// Throws Error: exit 4 when they cannot be read, exit 3 when the file is not and, as far as can be
// seen, never was an .atp file of this version.
FileSlots read_slots(const InputFile& file);

// The same without that last check.
FileSlots read_any_slots(const InputFile& file);

inline std::size_t slot_number(char name) { return name == 'A' ? 0 : 1; }

}  // namespace atp

#include "core/atp/slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {
namespace {

constexpr std::array<char, 2> kNames = {'A', 'B'};

Bytes slot_bytes(const FileSlots& s, std::size_t i) {
  const Bytes head(s.head);
  const std::size_t at = i * kSlotBytes;
  return head.size() <= at ? Bytes{} : head.subspan(at, std::min<std::size_t>(kSlotBytes, head.size() - at));
}

bool has_magic(Bytes slot) { return slot.size() >= 4 && as_text(slot.first(4)) == "ATPK"; }

// A slot of another format version, whole: the file is not damaged, it is not for this program.
bool of_other_version(Bytes slot) {
  if (slot.size() < kSlotBytes || !has_magic(slot)) return false;
  const auto raw = load<RawSlot>(slot.data());
  return raw.version != kFileVersion && raw.adler32 == adler32(slot.first(offsetof(RawSlot, adler32)));
}

}  // namespace

FileSlots read_any_slots(const InputFile& file) {
  FileSlots s;
  s.head.resize(static_cast<std::size_t>(std::min(file.size(), kFirstData)));
  read_exactly(file, 0, s.head);
  for (std::size_t i = 0; i < 2; ++i) s.slots[i] = decode_slot(slot_bytes(s, i), file.size(), s.problems[i]);
  s.first_bytes = first_bytes_problem(Bytes(s.head).first(std::min<std::size_t>(8, s.head.size())));
  return s;
}

FileSlots read_slots(const InputFile& file) {
  FileSlots s = read_any_slots(file);
  if (s.slots[0] || s.slots[1]) return s;
  const bool other_version = of_other_version(slot_bytes(s, 0)) || of_other_version(slot_bytes(s, 1));
  if (other_version || (!has_magic(slot_bytes(s, 0)) && !has_magic(slot_bytes(s, 1)))) {
    const bool zeros = !s.head.empty() && std::all_of(s.head.begin(), s.head.end(), [](std::byte b) { return b == std::byte{0}; });
    fail_input(file.path(), s.first_bytes, zeros ? "its header is all zeros; atp verify --salvage can look for records" : "");
  }
  return s;
}

std::optional<NamedSlot> FileSlots::newest() const {
  const auto& [a, b] = slots;
  if (a && (!b || a->generation >= b->generation)) return NamedSlot{*a, 'A'};
  if (b) return NamedSlot{*b, 'B'};
  return std::nullopt;
}

std::optional<NamedSlot> FileSlots::older() const {
  if (!all_sound()) return std::nullopt;
  const std::size_t other = 1 - slot_number(newest()->name);
  return NamedSlot{*slots[other], kNames[other]};
}

void FileSlots::report(Bounded<Damage>& damage) const {
  const auto counts = newest();
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t at = i * kSlotBytes;
    if (!slots[i]) {
      const std::string consequence = counts ? fmt::format("slot {}, generation {}, counts", counts->name, counts->slot.generation)
                                             : std::string("no slot is valid, so no record can be reached; atp verify --salvage looks for them");
      damage.add({std::nullopt, at, kSlotBytes, damage_kind::slot, fmt::format("header slot {}: {}; {}", kNames[i], problems[i], consequence)});
    } else if (!slots[i]->extension_problem.empty()) {
      damage.add({std::nullopt, at + offsetof(RawSlot, extension), sizeof(RawExtension), damage_kind::extension,
                  fmt::format("the extension in header slot {}: {}", kNames[i], slots[i]->extension_problem)});
    }
  }
}

}  // namespace atp

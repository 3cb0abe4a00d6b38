// The schema lock: one type and size for a key in the whole file (FORMAT.md, "Schema block").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atp/record.h"

namespace atp {

struct SchemaEntry {
  Type type;
  bool per_atom;
  std::uint32_t element;  // bytes of one element; 0 for strings and null
  std::uint32_t slot;     // bytes per atom, or of the whole value; 0 where lengths may vary

  bool operator==(const SchemaEntry&) const = default;
};

class Schema {
 public:
  using Key = std::pair<Kind, std::string>;
  struct KeyOrder {  // by (kind, key) as in the file; looks keys up without copying them
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      return a.first != b.first ? a.first < b.first : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Entries = std::map<Key, SchemaEntry, KeyOrder>;

  std::optional<Type> positions;  // vec3_f32 or vec3_f64; nothing while unknown
  Entries entries;

  bool operator==(const Schema&) const = default;

  std::vector<std::byte> encode() const;
  // Throws Error (exit 3): unknown version, unknown type codes, sizes that disagree with the types, a
  // key twice.
  static Schema decode(Bytes block);

  // Adds what `section` brings, or holds it against the lock.
  // Returns what is wrong, empty when all is well: "forces is vec3_f64, the file has vec3_f32".
  std::string add(const SectionView& section);
  std::string add_positions(Type type);
  // All of a structure, or nothing of it when something disagrees.
  std::string add(const StructureView& structure);
  std::string add(const Structure& structure);
  // All of a record. Stops at the first disagreement, with what came before it added.
  std::string add(const RecordView& record);

  // Merges another file's schema under the same lock.
  std::string merge(const Schema& other);

  // What is wrong with a new key of that kind when the other kind has it; empty when nothing is.
  std::string other_kind(Kind kind, std::string_view key) const;

  // The lowest record format (2 or 3) that can hold it.
  std::uint32_t needed_record_format() const;
};

// What a section locks: element and slot bytes by FORMAT.md. The payload is not checked.
SchemaEntry schema_entry_of(const SectionView& section);


// The value's shape as `atp inspect` shows it: "[n, 3]", "[n]", "[3, 3]", "[]", "[*]" (varies).
std::string describe_shape(Kind kind, const SchemaEntry& entry);

}  // namespace atp

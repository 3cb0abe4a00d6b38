// One generation of a file, checked without reading a record: what a header slot leads to.
// Private to verify, repair and salvage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/layout.h"
#include "core/atp/schema.h"
#include "core/atp/verify.h"
#include "core/io/input_file.h"

namespace atp {

struct Generation {
  Slot slot;
  std::uint64_t readable = 0;     // entries of the index that the disk gives
  std::uint64_t atoms = 0;        // as the index says
  bool index_sound = true;        // count, hash and every entry
  bool in_file_order = true;      // records lie in the order of the index
  std::optional<Schema> schema;   // nothing: there is none, or it is damaged
  bool schema_damaged = false;
  std::optional<Type> positions;  // nothing: not known
  bool has_checksums = false;     // and the block is sound
  bool checksums_damaged = false;
  std::string metadata;           // empty: there is none, or it is damaged
  bool metadata_damaged = false;

  Codec codec() const { return {static_cast<CodecId>(slot.codec), slot.level}; }
};

// Checks what `slot` leads to; damage is added to `damage`. Reads the index in pieces and keeps
// none of it, unless its entries are not in the order of the file.
Generation check_generation(const InputFile& file, const Slot& slot, Bounded<Damage>& damage);

// Why no record can lie where the entry says, or be of that size; empty when one can.
std::string entry_problem(const IndexEntry& entry, const Generation& generation);

// The entries of a generation in the order of the file.
class IndexCursor {
 public:
  struct Item {
    std::uint64_t record;
    IndexEntry entry;
    std::uint64_t checksum;  // 0: not known
  };

  // Borrows both. Throws Error (exit 4) when the index cannot be read.
  IndexCursor(const InputFile& file, const Generation& generation);

  // False at the end. Throws Error (exit 4).
  bool next(Item& item);

 private:
  void read_all_sorted();
  void read_range(std::uint64_t first, std::uint64_t count);

  const InputFile& file_;
  const Generation& generation_;
  std::vector<RawIndexEntry> entries_;    // from first_ on
  std::vector<std::uint64_t> checksums_;  // of the same records; empty when there are none
  std::vector<std::uint64_t> order_;      // only when not in file order
  std::uint64_t first_ = 0, next_ = 0;
};

// A piece of the file as text. Throws Error (exit 4).
std::vector<std::byte> read_block(const InputFile& file, std::uint64_t offset, std::uint64_t length);

}  // namespace atp

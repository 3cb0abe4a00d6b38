// The records of a repaired file, held against everything that is known of them before it is written.
// Private to repair.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/layout.h"
#include "core/atp/schema.h"
#include "core/atp/verify.h"
#include "core/io/input_file.h"

namespace atp {

struct RepairedRecords {
  const std::vector<RawIndexEntry>& index;
  std::vector<std::uint64_t>& checksums;  // 0: not known
  const Schema& schema;
  Codec codec;
  Type positions;
  // Whether a record without a checksum never had one. If it had, the bytes that are there now must
  // not be taken for those that were written.
  bool fill_in_unknown;
  // Checksums of an older generation by the offset of the record, for those of a damaged block.
  std::unordered_map<std::uint64_t, std::uint64_t> older;
};

struct RepairedCheck {
  std::uint64_t filled = 0;    // checksums that were not known, or that an older generation contradicts
  std::uint64_t unproven = 0;  // records that decode, but whose checksum is lost
};

// Reads every record, fills in checksums, and adds to `left` what stays wrong.
RepairedCheck check_repaired(const InputFile& file, RepairedRecords& records, int jobs,
                             const std::function<void(std::uint64_t bytes, std::uint64_t records)>& progress, Bounded<Damage>& left);

}  // namespace atp

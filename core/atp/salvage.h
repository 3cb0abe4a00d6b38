// Saves the records of a file that cannot be opened any more (man atp-verify).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/atp/verify.h"
#include "core/io/output_file.h"

namespace atp {

struct SalvageOptions {
  bool overwrite = false;
  std::string metadata;  // a JSON object, for when the file's own cannot be read
  std::function<void(std::uint64_t bytes, std::uint64_t records)> progress;
};

struct SalvageReport {
  std::string path, output;
  std::uint64_t records = 0;               // written
  std::uint64_t by_index = 0, by_scan = 0; // of them
  std::uint64_t with_checksum = 0;         // of them: held against a checksum of the file
  std::uint64_t bytes = 0, skipped_bytes = 0;
  Bounded<Damage> skipped;                 // records and byte ranges that were left behind
  std::vector<std::string> notes;          // what was found and used
};

// Reads `path` without trusting any of it and writes every record that decodes and passes to the new
// file `output`, in the order in which they lie: what indexes lead to (those of valid slots, and any
// other that is found), and between them what can be recognised as a record. Stored bytes stay as they
// are. Time linear in the file's size. Throws Error: exit 1 when no record is found (nothing is then
// written), exit 4 when the disk refuses.
SalvageReport salvage_file(const std::string& path, const std::string& output, const SalvageOptions& options, Disk& disk = real_disk());

}  // namespace atp

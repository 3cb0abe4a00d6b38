// Puts right what can be put right in place, without losing what could be read (man atp-verify).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/atp/verify.h"
#include "core/io/output_file.h"

namespace atp {

struct RepairOptions {
  bool dry_run = false;
  int jobs = 1;
  std::string metadata;  // a JSON object for files that have none
  std::function<void(std::uint64_t bytes, std::uint64_t records)> progress;
};

struct RepairReport {
  std::string path;
  std::vector<std::string> actions;  // what was done, or in a dry run would be
  std::uint64_t records_before = 0, records_after = 0;
  Bounded<Damage> lost;              // records of the newest generation that nothing leads to any more
  Bounded<Damage> left;              // damage that stays
};

// Everything is written as a new generation behind all bytes that are there, and one header slot is
// then rewritten: an interrupted repair leaves the file as it was. Only bytes that no writer committed
// are cut off. Throws Error: exit 1 when no header slot leads anywhere (salvage may help), exit 3 when
// it is no .atp file, exit 4 when another process is writing to it or the disk refuses.
RepairReport repair_file(const std::string& path, const RepairOptions& options, Disk& disk = real_disk());

}  // namespace atp

// What the system has counted for this process, and what the CPUs have done for all.
#pragma once

#include <cstdint>
#include <optional>

namespace atp {

// Since the process began. What the system does not tell (no /proc/self/io) stays 0 and has_io is false.
struct ProcessCounters {
  double user_seconds = 0, system_seconds = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  bool has_io = false;
  std::uint64_t storage_bytes = 0;  // fetched from storage on behalf of the process, page faults and read-ahead included
  std::uint64_t read_calls = 0, read_bytes = 0;  // read(2) and its kin, wherever the bytes came from

  static ProcessCounters now();
  ProcessCounters operator-(const ProcessCounters& before) const;
};

// Resident memory of this process in bytes; `anonymous` without mapped files. 0 when the system does not tell.
struct ResidentMemory {
  std::uint64_t all = 0, anonymous = 0;
};
ResidentMemory resident_memory();

// Seconds that all CPUs together have worked (not idle, not waiting for disks), for anybody. Nothing without /proc/stat.
std::optional<double> busy_cpu_seconds();
// Of this process and its children that have ended.
double own_cpu_seconds();

}  // namespace atp

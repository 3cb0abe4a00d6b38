// The machine that a benchmark ran on.
#pragma once

#include <cstdint>
#include <string>

namespace atp {

struct Machine {
  std::string cpu;      // model name
  int cpus = 0;         // that this process may use
  std::uint64_t memory_bytes = 0;
  std::string kernel;   // "Linux 6.1.0-x86_64"
  std::string host;
  std::uint64_t last_level_cache_bytes = 0;  // 0: not known
};

Machine this_machine();

}  // namespace atp

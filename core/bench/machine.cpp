#include "core/bench/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "core/base/parallel.h"

namespace atp {
namespace {

// "model name : AMD EPYC" on x86, nothing of the kind on some others.
std::string cpu_name(const char* otherwise) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos && line.starts_with("model name")) return line.substr(colon + 2);
  }
  return otherwise;
}

}  // namespace

Machine this_machine() {
  Machine m;
  utsname system{};
  ::uname(&system);
  m.kernel = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  m.host = system.nodename;
  m.cpu = cpu_name(system.machine);
  m.cpus = available_cpus();
  m.memory_bytes = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES))) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  m.last_level_cache_bytes = static_cast<std::uint64_t>(std::max(0L, std::max(::sysconf(_SC_LEVEL3_CACHE_SIZE), ::sysconf(_SC_LEVEL2_CACHE_SIZE))));
  return m;
}

}  // namespace atp

#include "core/bench/counters.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace atp {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

}  // namespace

ProcessCounters ProcessCounters::now() {
  ProcessCounters c;
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  c.user_seconds = seconds(use.ru_utime);
  c.system_seconds = seconds(use.ru_stime);
  c.minor_faults = static_cast<std::uint64_t>(use.ru_minflt);
  c.major_faults = static_cast<std::uint64_t>(use.ru_majflt);
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t value; io >> name >> value;) {
    if (name == "rchar:") c.read_bytes = value;
    if (name == "syscr:") c.read_calls = value;
    if (name == "read_bytes:") {
      c.storage_bytes = value;
      c.has_io = true;
    }
  }
  return c;
}

ProcessCounters ProcessCounters::operator-(const ProcessCounters& b) const {
  ProcessCounters d;
  d.user_seconds = user_seconds - b.user_seconds;
  d.system_seconds = system_seconds - b.system_seconds;
  d.minor_faults = minor_faults - b.minor_faults;
  d.major_faults = major_faults - b.major_faults;
  d.has_io = has_io && b.has_io;
  d.storage_bytes = storage_bytes - b.storage_bytes;
  d.read_calls = read_calls - b.read_calls;
  d.read_bytes = read_bytes - b.read_bytes;
  return d;
}

ResidentMemory resident_memory() {
  // Size, resident and shared pages: man 5 proc.
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0, shared = 0;
  if (!(file >> size >> resident >> shared)) return {};
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {resident * page, (resident - shared) * page};
}

std::optional<double> busy_cpu_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  // Ticks of: user, nice, system, idle, waiting for I/O, interrupts, soft interrupts, stolen by the hypervisor.
  std::uint64_t t[8] = {};
  if (!(file >> name) || name != "cpu") return std::nullopt;
  for (auto& ticks : t) {
    if (!(file >> ticks)) return std::nullopt;
  }
  return static_cast<double>(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_cpu_seconds() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage use{};
    ::getrusage(who, &use);
    sum += seconds(use.ru_utime) + seconds(use.ru_stime);
  }
  return sum;
}

}  // namespace atp

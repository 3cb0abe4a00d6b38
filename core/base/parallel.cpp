#include "core/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>

namespace atp {
namespace {

// CPUs granted by one cgroup folder, rounded up; nothing when it sets no quota.
std::optional<int> quota_of(const std::string& folder) {
  double quota = 0, period = 0;
  std::string first;
  if (std::ifstream v2(folder + "/cpu.max"); v2 >> first >> period) {
    if (first == "max") return std::nullopt;
    quota = std::strtod(first.c_str(), nullptr);
  } else {
    std::ifstream q(folder + "/cpu.cfs_quota_us"), p(folder + "/cpu.cfs_period_us");
    if (!(q >> quota) || !(p >> period)) return std::nullopt;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// The tightest quota on the way from this process's cgroup to the root.
std::optional<int> cgroup_quota() {
  std::optional<int> best;
  const auto consider = [&](std::string root, std::string path) {
    for (;;) {
      if (const auto q = quota_of(root + path)) best = std::min(best.value_or(*q), *q);
      if (path.empty() || path == "/") return;
      path.erase(path.rfind('/'));
    }
  };
  std::ifstream self("/proc/self/cgroup");
  for (std::string line; std::getline(self, line);) {  // "0::/path" (v2) or "N:cpu,cpuacct:/path" (v1)
    const auto a = line.find(':');
    const auto b = a == std::string::npos ? a : line.find(':', a + 1);
    if (b == std::string::npos) continue;
    const std::string controllers = line.substr(a + 1, b - a - 1);
    const std::string path = line.substr(b + 1);
    if (controllers.empty()) consider("/sys/fs/cgroup", path);
    if (controllers.find("cpu") != std::string::npos) consider("/sys/fs/cgroup/cpu", path);
  }
  return best;
}

}  // namespace

int available_cpus() {
  int cpus = 1;
  // More CPUs than a cpu_set_t holds: the call fails with EINVAL, so the set grows until it fits.
  for (int limit = CPU_SETSIZE; limit <= (1 << 20); limit *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(limit));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(limit));
    const bool ok = sched_getaffinity(0, bytes, set) == 0;
    if (ok) cpus = std::max(1, CPU_COUNT_S(bytes, set));
    CPU_FREE(set);
    if (ok) break;
  }
  if (const auto quota = cgroup_quota()) cpus = std::min(cpus, *quota);
  return cpus;
}

}  // namespace atp

// Counts in .npy files, and a command that plans them.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "cmd/options.h"
#include "cmd/plan_batches.h"
#include "core/io/npy.h"
#include "tests/support/files.h"

namespace atp::test {

struct Quiet {
  Quiet() { common_options().quiet = true; }
  ~Quiet() { common_options() = {}; }
};

inline void write_npy(const std::string& path, const std::vector<std::uint32_t>& counts) {
  const std::uint64_t n = counts.size();
  write_text(path, npy_header("<u4", std::span(&n, 1)) + std::string(reinterpret_cast<const char*>(counts.data()), 4 * counts.size()));
}

inline std::vector<std::int64_t> array(const std::string& path) {
  const auto bytes = read_bytes(path);
  const NpyArray a = parse_npy(bytes, path);
  std::vector<std::int64_t> out;
  for (std::uint64_t i = 0; i < a.size(); ++i) out.push_back(a.at(i));
  return out;
}

inline std::vector<std::uint32_t> random_counts(std::size_t n, std::uint32_t most, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<std::uint32_t> counts;
  for (std::size_t i = 0; i < n; ++i) counts.push_back(1 + static_cast<std::uint32_t>(random() % most));
  return counts;
}

// A folder with counts, and a command that plans them.
struct Sizes {
  TempDir dir;
  PlanCommand command;
  Quiet quiet;

  explicit Sizes(const std::vector<std::uint32_t>& atoms, const std::vector<std::uint32_t>& edges = {}) {
    write_npy(dir / "atoms.npy", atoms);
    command.sizes = dir / "atoms.npy";
    if (!edges.empty()) {
      write_npy(dir / "edges.npy", edges);
      command.edges = dir / "edges.npy";
    }
    command.limits.atoms = 100;
    command.gpus = 4;
    command.output = dir / "plan";
  }

  Exit verify(const std::string& plan = "plan") const {
    PlanCommand c;
    c.sizes = command.sizes;
    c.edges = command.edges;
    c.verify = dir / plan;
    return plan_batches(c);
  }
};

}  // namespace atp::test

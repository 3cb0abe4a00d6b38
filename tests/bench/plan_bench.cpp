// Times the strategies on a synthetic copy of the data sets of the MACE load balancing paper (its Table 3).
//   plan_bench [GRAPHS] [GPUS] [RUNS] [STRATEGY...]
// Edges are atoms times a degree per data set times lognormal noise.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string>

#include "core/base/error.h"
#include "core/plan/plan.h"
#include "core/plan/random.h"
#include "core/plan/schedule.h"
#include "core/plan/statistics.h"
#include "core/plan/strategies.h"

namespace {

using namespace atp;

struct DataSet {
  const char* name;
  std::uint64_t graphs;
  std::uint32_t low, high, step;  // atoms; step 0: lognormal with mean 31
  double degree;                  // edges an atom
};
constexpr DataSet kTable3[] = {
    {"Al-HCl(aq)", 884, 281, 281, 1, 44},        {"CuNi", 74335, 492, 500, 1, 50},
    {"HEA", 25628, 36, 48, 1, 50},               {"liquid water", 190267, 768, 768, 1, 44},
    {"MPtrj", 1580312, 1, 444, 0, 40},           {"TMD", 219627, 16, 96, 1, 36},
    {"water clusters", 460000, 9, 75, 3, 28},    {"zeolite", 99770, 203, 408, 1, 36},
};

double uniform(Random& random) { return (static_cast<double>(random.next() >> 11) + 0.5) / 9007199254740992.0; }
double normal(Random& random) {
  return std::sqrt(-2 * std::log(uniform(random))) * std::cos(2 * std::numbers::pi * uniform(random));
}

struct Synthetic {
  HugeBuffer<std::uint32_t> atoms, edges;
  std::vector<std::uint64_t> starts{0};
};

Synthetic table3(std::uint64_t graphs) {
  std::uint64_t all = 0;
  for (const DataSet& d : kTable3) all += d.graphs;
  Synthetic s;
  std::vector<std::uint64_t> counts;
  for (const DataSet& d : kTable3) counts.push_back(graphs == all ? d.graphs : static_cast<std::uint64_t>(static_cast<double>(graphs) * static_cast<double>(d.graphs) / static_cast<double>(all)));
  for (const auto c : counts) s.starts.push_back(s.starts.back() + c);
  s.atoms = HugeBuffer<std::uint32_t>(s.starts.back());
  s.edges = HugeBuffer<std::uint32_t>(s.starts.back());
  Random random(1, 0, Purpose::synthetic);
  std::size_t i = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const DataSet& d = kTable3[k];
    for (std::uint64_t g = 0; g < counts[k]; ++g, ++i) {
      double atoms = d.low;
      if (d.step == 0) {  // mean 31: mu = ln 31 - sigma^2 / 2
        constexpr double sigma = 0.8;
        atoms = std::round(std::exp(std::log(31.0) - sigma * sigma / 2 + sigma * normal(random)));
      } else {
        atoms += static_cast<double>(d.step * random.below((d.high - d.low) / d.step + 1));
      }
      s.atoms[i] = static_cast<std::uint32_t>(std::clamp(atoms, double(d.low), double(d.high)));
      s.edges[i] = static_cast<std::uint32_t>(s.atoms[i] * d.degree * std::exp(0.1 * normal(random)));
    }
  }
  return s;
}

double cpu_seconds() {
  rusage u = {};
  ::getrusage(RUSAGE_SELF, &u);
  return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * double(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void run(const std::string& label, const ChosenStrategy& strategy, PlanInput input, int runs, const Synthetic& data, bool quality) {
  double best = 1e9, cpu = 1e9;
  Batches batches;
  for (int r = 0; r < runs; ++r) {
    batches = {};
    const double c = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    batches = strategy.run(input);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    cpu = std::min(cpu, cpu_seconds() - c);
  }
  fmt::print("{:<22} {:>9.1f} {:>9.1f}", label, 1e3 * best, 1e3 * cpu);
  if (quality) {
    PlanInput full = input;
    full.edges = data.edges;
    auto loads = loads_of(full, batches);
    const Batches first = strategy.run(input);
    PlanInput next = input;
    ++next.epoch;
    const Batches second = strategy.run(next);
    const double again = repeats(first, second, input.size());
    const Schedule schedule = make_schedule(batches, loads, input.gpus, Tail::pad);
    const auto s = statistics_of(batches, loads, schedule, input.limits, data.starts);
    fmt::print(" {:>8} {:>7.4f} {:>5}..{:<5} {:>8.5f} {:>8.5f} {:>7.4f} {:>8.1e}", s.batches, 100 * s.padding, s.atoms_min, s.atoms_max,
               s.straggler_atoms, s.straggler_edges, s.mix, again);
  }
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::uint64_t graphs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2650823;
    const auto gpus = static_cast<std::uint32_t>(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 740);
    const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
    std::vector<std::string> names(argv + std::min(argc, 4), argv + argc);
    if (names.empty()) names = {"fixed:6", "next-fit", "bfd", "ffd", "mace", "mace-shuffled", "lpt", "deal"};
    const Synthetic data = table3(graphs);
    PlanInput input;
    input.atoms = data.atoms;
    input.limits.atoms = 3072;
    input.gpus = gpus;
    const Load total = total_load(input);
    fmt::print("{} graphs, {} atoms, {} GPUs, lower bound {} batches\n", total.graphs, total.atoms, gpus, lower_bound(total, input.limits, gpus));
    fmt::print("{:<22} {:>9} {:>9} {:>8} {:>7} {:>12} {:>8} {:>8} {:>7} {:>8}\n", "", "ms", "CPU ms", "batches", "pad %", "atoms", "atoms", "edges", "mix", "repeats");
    for (const std::string& name : names) {
      const bool quality = graphs <= 10'000'000;
      const auto strategy = parse_strategy(name);
      input.edges = {};
      run(name, strategy, input, runs, data, quality);
      if (name != "deal" || std::getenv("ATOMS_ONLY")) continue;
      input.edges = data.edges;
      run(name + ", edges", strategy, input, runs, data, quality);
    }
    return 0;
  } catch (const Error& e) {
    fmt::print(stderr, "plan_bench: {}\n", e.what());
    return 2;
  }
}

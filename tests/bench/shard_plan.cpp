// How even and how fast the split algorithms are on a synthetic index: shard_plan [RECORDS]
// A heavy tail (Pareto, exponent 1.5, from 1 kB to 1 MB) and lognormal sizes, into 8, 64 and 1024 shards.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>

#include "core/shard/order.h"
#include "core/shard/split.h"

namespace {

using namespace atp;
using Clock = std::chrono::steady_clock;

double uniform(SeededNumbers& numbers) { return (static_cast<double>(numbers.next() >> 11) + 0.5) / 9007199254740992.0; }

std::vector<std::uint32_t> weights_of(const std::string& shape, std::size_t n) {
  SeededNumbers numbers(1);
  std::vector<std::uint32_t> weights(n);
  for (auto& w : weights) {
    const double u = uniform(numbers), v = uniform(numbers);
    const double normal = std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
    const double size = shape == "pareto" ? 1000 * std::pow(u, -1 / 1.5) : 1000 * std::exp((shape == "lognormal 1" ? 1 : 2) * normal);
    w = static_cast<std::uint32_t>(std::min(size, 1e6));
  }
  return weights;
}

void row(const std::string& name, const std::function<Balance()>& run) {
  const auto start = Clock::now();
  const Balance b = run();
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  fmt::print("    {:<16} largest/mean {:<9.6g} {:>9.3f} ms\n", name, b.ratio(), ms);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  for (const std::string shape : {"pareto", "lognormal 1", "lognormal 2"}) {
    const auto weights = weights_of(shape, n);
    const auto prefix = prefix_sums(weights);
    for (const std::uint32_t shards : {8U, 64U, 1024U}) {
      fmt::print("  {} records, {}, {} shards\n", n, shape, shards);
      row("optimal", [&] { return balance_of(prefix, split_evenly(prefix, shards)); });
      row("running-average", [&] { return balance_of(prefix, split_by_running_average(prefix, shards)); });
      row("longest-first", [&] {
        std::vector<std::uint64_t> loads(shards);
        const auto shard_of = assign_longest_first(weights, shards);
        for (std::size_t i = 0; i < n; ++i) loads[shard_of[i]] += weights[i];
        return balance_of(loads);
      });
    }
  }
  std::vector<std::uint64_t> records(n);
  for (std::size_t i = 0; i < n; ++i) records[i] = i;
  const auto start = Clock::now();
  shuffle(records, 0);
  fmt::print("  shuffle of {} records {:.3f} ms\n", n, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
}

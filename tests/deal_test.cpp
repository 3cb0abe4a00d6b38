// The stratified deal: its patterns, its level, and that it is random.
#include "core/plan/deal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/plan/best_fit.h"
#include "core/plan/deal_patterns.h"
#include "core/plan/mace.h"
#include "core/plan/next_fit.h"
#include "core/plan/random.h"
#include "core/plan/schedule.h"
#include "core/plan/statistics.h"
#include "core/plan/window_sort.h"

using namespace atp;

namespace {

// Sizes like those of molecules and crystals, edges that follow them loosely.
struct Mix {
  std::vector<std::uint32_t> atoms, edges;
};
Mix lognormal(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Mix m;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int k = 0; k < 4; ++k) sum += static_cast<double>(random() % 1000) / 1000;
    const auto a = static_cast<std::uint32_t>(std::clamp(std::exp(1.2 * sum + 0.7), 1.0, 300.0));
    m.atoms.push_back(a);
    m.edges.push_back(a * (30 + static_cast<std::uint32_t>(random() % 20)));
  }
  return m;
}

PlanInput input_of(const Mix& m, std::uint64_t capacity, std::uint32_t gpus, bool edges = true) {
  PlanInput i;
  i.atoms = m.atoms;
  if (edges) i.edges = m.edges;
  i.limits.atoms = capacity;
  i.gpus = gpus;
  return i;
}

}  // namespace

TEST_CASE("weights become codes without gaps, never rounded down") {
  std::uint32_t last = 0;
  for (std::uint64_t w = 0; w < 200000; ++w) {
    const std::uint32_t code = weight_code(static_cast<std::uint32_t>(w));
    CHECK((code == last || code == last + 1));
    CHECK(weight_of_code(code) >= w);
    CHECK(static_cast<double>(weight_of_code(code)) <= static_cast<double>(w) * (1 + 1.0 / 4096));
    last = code;
  }
  CHECK(weight_of_code(weight_code(~std::uint32_t{0})) == std::uint64_t{1} << 32);
}

TEST_CASE("sixteen keys in eight windows are sorted") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    WindowKeys keys, expected;
    for (auto& row : keys)
      for (auto& k : row) k = static_cast<std::uint32_t>(round % 2 ? random() : random() % 4);
    expected = keys;
    for (std::size_t w = 0; w < kWindows; ++w) {
      std::array<std::uint32_t, kWindow> column;
      for (std::size_t i = 0; i < kWindow; ++i) column[i] = expected[i][w];
      std::sort(column.begin(), column.end());
      for (std::size_t i = 0; i < kWindow; ++i) expected[i][w] = column[i];
    }
    sort_windows(keys);
    CHECK(keys == expected);
  }
}

TEST_CASE("random numbers do not change") {
  Random r(1, 2, Purpose::class_order, 3);
  const std::uint64_t first = r.at(0);
  CHECK(r.next() == first);
  CHECK(first == Random(1, 2, Purpose::class_order, 3).next());
  CHECK(first != Random(1, 2, Purpose::class_order, 4).next());
  CHECK(first != Random(1, 3, Purpose::class_order, 3).next());
  CHECK(first != Random(2, 2, Purpose::class_order, 3).next());
  CHECK(first != Random(1, 2, Purpose::batch_order, 3).next());
}

TEST_CASE("atoms differ by one at most and the batches are as few as can be") {
  for (const std::uint32_t gpus : {1u, 8u, 60u}) {
    const Mix m = lognormal(30000, gpus);
    for (const bool edges : {false, true}) {
      const PlanInput i = input_of(m, 1000, gpus, edges);
      const Batches b = deal(i);
      CHECK(b.size() == lower_bound(total_load(i), i.limits, gpus));
      const auto loads = loads_of(i, b);
      const auto [low, high] = std::minmax_element(loads.begin(), loads.end(), [](const Load& x, const Load& y) { return x.atoms < y.atoms; });
      CHECK(high->atoms - low->atoms <= 1);
    }
  }
}

TEST_CASE("edges are level, and far more so than without them") {
  const Mix m = lognormal(60000, 5);
  const auto straggler = [&](bool edges) {
    Batches b = deal(input_of(m, 3000, 32, edges));
    auto loads = loads_of(input_of(m, 3000, 32), b);
    const Schedule s = make_schedule(b, loads, 32, Tail::pad);
    return statistics_of(b, loads, s, {3000, kNoLimit, kNoLimit}, std::vector<std::uint64_t>{0, m.atoms.size()}).straggler_edges;
  };
  CHECK(straggler(true) < 1.003);
  CHECK(straggler(false) > 1.02);
}

TEST_CASE("a hard limit on edges is kept, whichever limit asks for more") {
  const Mix m = lognormal(20000, 6);
  PlanInput i = input_of(m, 2000, 4);
  const Load total = total_load(i);
  for (const double share : {0.5, 0.9, 1.0, 1.02, 1.2}) {  // of the edges that 2000 atoms have on average
    i.limits.edges = static_cast<std::uint64_t>(share * 2000 * static_cast<double>(total.edges) / static_cast<double>(total.atoms));
    const Batches b = deal(i);
    for (const Load& load : loads_of(i, b)) CHECK(load.within(i.limits));
    CHECK(static_cast<double>(b.size()) <= 1.02 * static_cast<double>(lower_bound(total, i.limits, 4)) + 4);
    CHECK(b.size() % 4 == 0);
  }
}

TEST_CASE("a limit on graphs is kept and still leaves atoms level") {
  const Mix m = lognormal(20000, 7);
  PlanInput i = input_of(m, 100000, 4, false);
  i.limits.graphs = 16;
  const auto loads = loads_of(i, deal(i));
  CHECK(loads.size() == 20000 / 16 + (20000 / 16) % 4);
  for (const Load& load : loads) CHECK(load.graphs <= 16);
  const auto [low, high] = std::minmax_element(loads.begin(), loads.end(), [](const Load& x, const Load& y) { return x.atoms < y.atoms; });
  CHECK(high->atoms - low->atoms <= 2);
}

TEST_CASE("edges that run against atoms do not break a limit") {
  Mix m;
  for (std::uint32_t k = 0; k < 3000; ++k) m.atoms.push_back(1 + k % 100), m.edges.push_back(100 - k % 100);
  for (std::uint32_t k = 0; k < 30; ++k) m.atoms.push_back(100), m.edges.push_back(100);
  PlanInput i = input_of(m, 101, 3);
  i.limits.edges = 101;
  for (const Load& load : loads_of(i, deal(i))) CHECK(load.within(i.limits));
}

TEST_CASE("no more batches than best fit and Algorithm 1 on mixes where the bound is out of reach") {
  std::mt19937_64 random(11);
  for (int kind = 0; kind < 5; ++kind) {
    Mix m;
    for (int k = 0; k < 20000; ++k) {
      const auto r = static_cast<std::uint32_t>(random());
      m.atoms.push_back(kind == 0 ? 2 + r % 349 : kind == 1 ? 614 + r % 923 : kind == 2 ? 900 + r % 701 : kind == 3 ? (r % 10 < 3 ? 1200 + r % 800 : 1 + r % 60) : 1025);
    }
    const std::uint64_t capacity = kind == 0 ? 400 : 3072;
    const PlanInput i = input_of(m, capacity, 8, false);
    const std::size_t dealt = deal(i).size();
    CAPTURE(kind);
    CHECK(dealt <= rounded_up(best_fit_decreasing(i).size(), 8));
    CHECK(dealt <= algorithm_one(i, false).size());
    CHECK(dealt % 8 == 0);
  }
}

TEST_CASE("where a graph goes is uniform over the steps") {
  const Mix m = lognormal(4000, 12);
  const PlanInput base = input_of(m, 1000, 4);
  constexpr int kBins = 8, kEpochs = 400;
  // Chi-square of eight graphs' positions in the order of training, 7 degrees of freedom each: 56 in sum.
  double chi_square = 0;
  std::vector<std::array<int, kBins>> seen(8);
  std::array<double, kBins> expected{};
  for (int e = 0; e < kEpochs; ++e) {
    PlanInput i = base;
    i.epoch = static_cast<std::uint64_t>(e);
    Batches b = deal(i);
    auto loads = b.loads;
    const Schedule s = make_schedule(b, loads, 4, Tail::pad);
    std::vector<std::size_t> step_of(b.size());
    for (std::size_t k = 0; k < s.batches.size(); ++k) step_of[s.batches[k]] = k / 4;
    for (std::size_t t = 0; t < s.steps(); ++t) expected[t * kBins / s.steps()] += 1 / static_cast<double>(s.steps());
    for (std::size_t k = 0; k < b.size(); ++k) {
      for (const auto g : b.batch(k)) {
        if (g % 500 == 0) ++seen[g / 500][step_of[k] * kBins / s.steps()];
      }
    }
  }
  for (const auto& counts : seen) {
    for (std::size_t k = 0; k < kBins; ++k) chi_square += std::pow(counts[k] - expected[k], 2) / expected[k];
  }
  CHECK(chi_square < 100);  // beyond this once in 3000 seeds, and the seed is fixed
  CHECK(chi_square > 25);
}

TEST_CASE("graphs of a batch hardly meet again") {
  const Mix m = lognormal(50000, 13);
  PlanInput i = input_of(m, 1000, 8);
  const Batches first = deal(i);
  i.epoch = 1;
  const double again = repeats(first, deal(i), m.atoms.size());
  CHECK(again < 3.0 / static_cast<double>(first.size()));
  CHECK(repeats(first, first, m.atoms.size()) == 1);
}

TEST_CASE("patterns hold every graph once and keep to their limits") {
  std::mt19937_64 random(14);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint32_t> sizes;
    const std::size_t n = 1 + random() % 2000;
    const auto most = static_cast<std::uint32_t>(1 + random() % 500);
    for (std::size_t k = 0; k < n; ++k) sizes.push_back(static_cast<std::uint32_t>(random() % (most + 1)));
    const std::uint64_t capacity = most + random() % (5 * most);
    const std::uint64_t most_graphs = round % 3 == 0 ? 1 + random() % 30 : kNoLimit;
    const SizeClasses classes(sizes, capacity);
    const Patterns p = fewest_batches(classes, 1, capacity, most_graphs, 3);
    std::vector<std::uint64_t> counts(classes.size());
    std::uint64_t batches = 0;
    for (const PatternGroup& g : p.groups) {
      std::uint64_t load = 0, graphs = 0;
      for (std::uint32_t e = g.begin; e < g.end; ++e) {
        load += classes.all()[p.entries[e].size_class].size * p.entries[e].copies;
        graphs += p.entries[e].copies;
        counts[p.entries[e].size_class] += std::uint64_t{p.entries[e].copies} * g.batches;
      }
      CHECK(load == g.load);
      CHECK(graphs == g.graphs);
      CHECK(load <= capacity);
      CHECK(graphs <= most_graphs);
      batches += g.batches;
    }
    CHECK(batches == p.batches);
    for (std::size_t c = 0; c < counts.size(); ++c) CHECK(counts[c] == classes.all()[c].count);
  }
}

TEST_CASE("two tight limits need no more batches than packing under both") {
  std::mt19937_64 random(7);
  for (int run = 0; run < 20; ++run) {
    std::vector<std::uint32_t> atoms, edges;
    for (int i = 0; i < 1500; ++i) {
      atoms.push_back(1 + static_cast<std::uint32_t>(random() % 700));
      edges.push_back(atoms.back() * (4 + static_cast<std::uint32_t>(random() % 20)));
    }
    PlanInput input;
    input.atoms = atoms;
    input.edges = edges;
    input.limits = {3072, 38000, kNoLimit};
    input.gpus = 8;
    const auto steps = [](const Batches& b) { return ceil_div(b.size(), 8); };
    const Batches dealt = deal(input);
    CHECK(steps(dealt) <= std::min(steps(best_fit_decreasing(input)), steps(algorithm_one(input, true))));
    for (const Load& load : loads_of(input, dealt)) CHECK(load.within(input.limits));
  }
}

TEST_CASE("where nearly every graph has a size of its own, epochs differ all the same") {
  std::mt19937_64 random(3);
  Mix m;
  for (int i = 0; i < 4000; ++i) {
    m.atoms.push_back(1000 + static_cast<std::uint32_t>(random() % 7000));
    m.edges.push_back(m.atoms.back() * 3 + static_cast<std::uint32_t>(random() % 2000));
  }
  for (const bool edges : {false, true}) {
    PlanInput i = input_of(m, 40000, 8, edges), next = i;
    next.epoch = 1;
    const Batches first = deal(i), second = deal(next);
    CHECK(first.size() == lower_bound(total_load(i), i.limits, 8));
    for (const Load& load : loads_of(i, first)) CHECK(load.within(i.limits));
    CHECK(repeats(first, second, m.atoms.size()) < 3 * repeats(next_fit(i), next_fit(next), m.atoms.size()));
    const auto loads = loads_of(i, first);
    const auto [low, high] = std::minmax_element(loads.begin(), loads.end(), [](const Load& x, const Load& y) { return x.atoms < y.atoms; });
    CHECK(high->atoms - low->atoms < 100);
  }
  const SizeClasses few(std::vector<std::uint32_t>(1000, 7), 100), many(m.atoms, 40000);
  CHECK(!are_thin(few, 100));
  CHECK(are_thin(many, 500));
}

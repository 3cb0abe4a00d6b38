// What every strategy promises: each graph once, all limits kept, the same plan for the same seed.
#include "core/plan/strategies.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/base/error.h"
#include "core/plan/schedule.h"

using namespace atp;

namespace {

struct Problem {
  std::vector<std::uint32_t> atoms, edges;
  Limits limits;
  std::uint32_t gpus = 1;

  PlanInput input(std::uint64_t seed = 0, std::uint64_t epoch = 0) const {
    PlanInput i;
    i.atoms = atoms;
    i.edges = edges;
    i.limits = limits;
    i.gpus = gpus;
    i.seed = seed;
    i.epoch = epoch;
    return i;
  }
};

std::vector<ChosenStrategy> all_strategies() {
  std::vector<ChosenStrategy> all;
  for (const Strategy& s : strategies()) all.push_back(parse_strategy(s.takes_count ? std::string(s.name) + ":4" : std::string(s.name)));
  return all;
}

// Sizes and limits of many kinds.
Problem random_problem(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return static_cast<std::uint32_t>(random() % n); };
  Problem p;
  const std::size_t n = below(4) == 0 ? below(5) : below(600);
  const std::uint32_t most = 1 + below(below(5) == 0 ? 20000 : 300);
  const int kind = static_cast<int>(below(4));
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t a = kind == 0 ? most : kind == 1 ? below(most + 1) : kind == 2 ? (below(3) == 0 ? most : 1 + below(most) / 10) : 1 + below(most) * below(most) / most;
    p.atoms.push_back(std::min(a, most));
  }
  if (below(2) == 0) {
    for (const std::uint32_t a : p.atoms) p.edges.push_back(a * below(60) + below(3));
  }
  const std::uint64_t most_edges = p.edges.empty() ? 0 : *std::max_element(p.edges.begin(), p.edges.end());
  if (below(5) != 0) p.limits.atoms = most + below(6) * below(most + 1);
  if (!p.edges.empty() && below(2) == 0) p.limits.edges = std::max<std::uint64_t>(1, most_edges) * (1 + below(5));
  if (below(3) == 0 || p.limits.atoms == kNoLimit) p.limits.graphs = 1 + below(20);
  p.gpus = 1 + below(below(3) == 0 ? 50 : 6);
  return p;
}

void check_plan(const Problem& p, const Batches& b) {
  const PlanInput input = p.input();
  REQUIRE(b.offsets.size() >= 1);
  REQUIRE(b.offsets[0] == 0);
  REQUIRE(static_cast<std::size_t>(b.offsets.back()) == p.atoms.size());
  REQUIRE(b.indices.size() == p.atoms.size());
  std::vector<int> times(p.atoms.size());
  const auto loads = loads_of(input, b);
  for (std::size_t k = 0; k < b.size(); ++k) {
    REQUIRE(b.offsets[k] < b.offsets[k + 1]);  // none is empty
    for (const std::uint32_t g : b.batch(k)) {
      REQUIRE(g < p.atoms.size());
      ++times[g];
    }
    CHECK(loads[k].within(p.limits));
  }
  CHECK(std::all_of(times.begin(), times.end(), [](int t) { return t == 1; }));
  if (!b.loads.empty()) {
    REQUIRE(b.loads.size() == b.size());
    for (std::size_t k = 0; k < b.size(); ++k) {
      CHECK(b.loads[k].atoms == loads[k].atoms);
      CHECK(b.loads[k].edges == loads[k].edges);
      CHECK(b.loads[k].graphs == loads[k].graphs);
    }
  }
  if (!b.order.empty()) {
    auto order = b.order;
    std::sort(order.begin(), order.end());
    REQUIRE(order.size() == b.size());
    for (std::size_t k = 0; k < order.size(); ++k) CHECK(order[k] == k);
  }
}

bool equal(const Batches& a, const Batches& b) {
  return std::equal(a.indices.begin(), a.indices.end(), b.indices.begin(), b.indices.end()) && a.offsets == b.offsets && a.order == b.order;
}

// The fewest bins for sizes, by trying everything.
std::size_t fewest_bins(std::vector<std::uint32_t> sizes, std::uint64_t capacity) {
  std::sort(sizes.rbegin(), sizes.rend());
  std::size_t best = sizes.size();
  std::vector<std::uint64_t> bins;
  const auto place = [&](auto&& self, std::size_t i) -> void {
    if (bins.size() >= best) return;
    if (i == sizes.size()) {
      best = bins.size();
      return;
    }
    std::set<std::uint64_t> tried;
    for (std::size_t b = 0; b < bins.size(); ++b) {
      if (bins[b] + sizes[i] > capacity || !tried.insert(bins[b]).second) continue;
      bins[b] += sizes[i];
      self(self, i + 1);
      bins[b] -= sizes[i];
    }
    bins.push_back(sizes[i]);
    self(self, i + 1);
    bins.pop_back();
  };
  place(place, 0);
  return best;
}

}  // namespace

TEST_CASE("every strategy puts each graph into one batch and keeps all limits") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    const Problem p = random_problem(random);
    CAPTURE(i);
    CAPTURE(p.atoms.size());
    for (const ChosenStrategy& s : all_strategies()) {
      CAPTURE(s.name());
      check_plan(p, s.run(p.input()));
    }
  }
}

TEST_CASE("the same seed and epoch give the same plan, others another") {
  std::mt19937_64 random(8);
  Problem p;
  for (int i = 0; i < 5000; ++i) p.atoms.push_back(1 + static_cast<std::uint32_t>(random() % 100)), p.edges.push_back(p.atoms.back() * (10 + static_cast<std::uint32_t>(random() % 5)));
  p.limits.atoms = 500;
  p.gpus = 4;
  for (const ChosenStrategy& s : all_strategies()) {
    CAPTURE(s.name());
    CHECK(equal(s.run(p.input(3, 1)), s.run(p.input(3, 1))));
    const bool is_random = s.name() != "mace" && s.name() != "ffd" && s.name() != "bfd" && s.name() != "lpt";
    CHECK(equal(s.run(p.input(3, 1)), s.run(p.input(3, 2))) != is_random);
    CHECK(equal(s.run(p.input(3, 1)), s.run(p.input(4, 1))) != is_random);
  }
}

TEST_CASE("degenerate input") {
  const auto u = [](std::initializer_list<std::uint32_t> v) { return std::vector<std::uint32_t>(v); };
  Problem one{u({7}), {}, {7, kNoLimit, kNoLimit}, 5};
  Problem equal_sizes{std::vector<std::uint32_t>(100, 9), {}, {27, kNoLimit, kNoLimit}, 4};
  Problem giant{u({1, 1, 1, 1000, 1, 1}), {}, {1000, kNoLimit, kNoLimit}, 2};
  Problem many_gpus{u({5, 6, 7}), u({1, 2, 3}), {10, 10, kNoLimit}, 64};
  Problem ones{std::vector<std::uint32_t>(10, 1), {}, {1, kNoLimit, kNoLimit}, 3};
  Problem zeros{u({0, 0, 0, 0, 0, 3, 0}), u({0, 0, 0, 0, 0, 0, 0}), {3, 1, 2}, 2};
  Problem all_zero{std::vector<std::uint32_t>(12, 0), {}, {1, kNoLimit, 5}, 2};
  Problem unlimited{u({1, 2, 3, 4}), {}, {}, 2};
  Problem by_graphs{u({1, 2, 3, 4, 5}), {}, {kNoLimit, kNoLimit, 2}, 1};
  Problem huge{u({4294967295u, 4294967295u, 1, 4294967294u}), u({4294967295u, 0, 4294967295u, 7}), {4294967296u, 4294967295u, kNoLimit}, 1};
  Problem none{{}, {}, {5, kNoLimit, kNoLimit}, 3};
  for (const Problem* p : {&one, &equal_sizes, &giant, &many_gpus, &ones, &zeros, &all_zero, &unlimited, &by_graphs, &huge, &none}) {
    for (const ChosenStrategy& s : all_strategies()) {
      CAPTURE(s.name());
      CAPTURE(p->atoms.size());
      check_plan(*p, s.run(p->input()));
    }
  }
}

TEST_CASE("few graphs: never fewer bins than the fewest, and each strategy within its bound") {
  std::mt19937_64 random(9);
  for (int i = 0; i < 150; ++i) {
    Problem p;
    const std::size_t n = 1 + random() % 9;
    p.limits.atoms = 20;
    for (std::size_t k = 0; k < n; ++k) p.atoms.push_back(1 + static_cast<std::uint32_t>(random() % 20));
    const std::size_t fewest = fewest_bins(p.atoms, 20);
    const auto bins = [&](const char* name) { return parse_strategy(name).run(p.input()).size(); };
    for (const ChosenStrategy& s : all_strategies()) CHECK(s.run(p.input()).size() >= fewest);
    CHECK(9 * bins("ffd") <= 11 * fewest + 6);
    CHECK(9 * bins("bfd") <= 11 * fewest + 6);
    CHECK(bins("deal") <= std::min(bins("bfd"), bins("mace")));
  }
}

TEST_CASE("first fit and best fit take the bins of their definition") {
  Problem p{{5, 7, 5, 2, 4, 2, 5, 1, 6}, {}, {10, kNoLimit, kNoLimit}, 1};
  // Sorted: 7 6 5 5 5 4 2 2 1.
  const auto contents = [&](const char* name) {
    std::vector<std::vector<std::uint32_t>> all;
    const Batches b = parse_strategy(name).run(p.input());
    for (std::size_t k = 0; k < b.size(); ++k) {
      all.emplace_back();
      for (const auto g : b.batch(k)) all.back().push_back(p.atoms[g]);
    }
    return all;
  };
  using Contents = std::vector<std::vector<std::uint32_t>>;
  CHECK(contents("ffd") == Contents{{7, 2, 1}, {6, 4}, {5, 5}, {5, 2}});
  CHECK(contents("bfd") == Contents{{7, 2, 1}, {6, 4}, {5, 5}, {5, 2}});
  p.atoms = {5, 3, 6, 4};  // 6 5 4 3: best fit prefers the fuller bin for 3
  p.limits.atoms = 10;
  CHECK(contents("ffd") == Contents{{6, 4}, {5, 3}});
  p.atoms = {6, 7, 3, 3};  // 7 6 3 3
  CHECK(contents("bfd") == Contents{{7, 3}, {6, 3}});
}

TEST_CASE("longest first goes to the emptiest bin") {
  Problem p{{8, 7, 6, 5, 4, 3}, {}, {17, kNoLimit, kNoLimit}, 2};
  const Batches b = parse_strategy("lpt").run(p.input());
  REQUIRE(b.size() == 2);
  CHECK(std::vector(b.batch(0).begin(), b.batch(0).end()) == std::vector<std::uint32_t>{0, 3, 4});  // 8, 5, 4
  CHECK(std::vector(b.batch(1).begin(), b.batch(1).end()) == std::vector<std::uint32_t>{1, 2, 5});  // 7, 6, 3
}

TEST_CASE("Algorithm 1 walks over the bins round by round, fuller first") {
  // Two bins of 10. Round 1: 7 and 6. Round 2, fuller first: 5 does not fit into the bin with 3 left, nor the one
  // with 4: both full. Round 3: new bins.
  Problem p{{7, 6, 5, 2}, {}, {10, kNoLimit, kNoLimit}, 1};
  const Batches b = parse_strategy("mace").run(p.input());
  REQUIRE(b.size() == 3);
  CHECK(b.batch(0)[0] == 0);
  CHECK(b.batch(1)[0] == 1);
  CHECK(b.batch(2).size() == 2);  // 5 and 2 start again
}

TEST_CASE("Algorithm 1 opens full bins again when another bin has grown fuller") {
  // Two bins of 10. Round 1: 6 5. Round 2: 5 does not fit into the bin with 4 left (full), but into the one with 5
  // left; that one is fuller now, so the first is opened again and takes the 4.
  Problem p{{6, 5, 5, 4}, {}, {10, kNoLimit, kNoLimit}, 1};
  const Batches b = parse_strategy("mace").run(p.input());
  REQUIRE(b.size() == 2);
  CHECK(std::vector(b.batch(0).begin(), b.batch(0).end()) == std::vector<std::uint32_t>{0, 3});
}

TEST_CASE("next fit and fixed counts close a batch when they must") {
  Problem p;
  std::mt19937_64 random(10);
  for (int i = 0; i < 1000; ++i) p.atoms.push_back(1 + static_cast<std::uint32_t>(random() % 50));
  p.limits.atoms = 100;
  const Batches next = parse_strategy("next-fit").run(p.input());
  const auto loads = loads_of(p.input(), next);
  for (std::size_t b = 0; b + 1 < next.size(); ++b) CHECK(loads[b].atoms + p.atoms[next.batch(b + 1)[0]] > 100);
  CHECK(next.last_is_rest);
  p.limits.atoms = kNoLimit;
  p.limits.graphs = 100;
  const Batches fixed = parse_strategy("fixed:7").run(p.input());
  for (std::size_t b = 0; b + 1 < fixed.size(); ++b) CHECK(fixed.batch(b).size() == 7);
  CHECK(fixed.batch(fixed.size() - 1).size() == 1000 % 7);
}

TEST_CASE("strategies are found by name") {
  CHECK(parse_strategy("fixed:6").name() == "fixed:6");
  CHECK(parse_strategy("deal").name() == "deal");
  for (const char* bad : {"", "dael", "fixed", "fixed:", "fixed:0", "fixed:x", "deal:3", "fixed:99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_strategy(bad), Error);
  }
}

TEST_CASE("schedules: tails, rests and cuts") {
  Problem p{std::vector<std::uint32_t>(10, 1), {}, {2, kNoLimit, kNoLimit}, 1};
  const auto fresh = [&] { return parse_strategy("fixed:2").run(p.input()); };  // 5 batches
  for (const Tail tail : {Tail::pad, Tail::drop, Tail::repeat}) {
    Batches b = fresh();
    auto loads = b.loads;
    const Schedule s = make_schedule(b, loads, 4, tail);
    REQUIRE(loads.size() == b.size());
    CHECK(s.steps() == (tail == Tail::drop ? 1 : 2));
    CHECK(b.size() == (tail == Tail::pad ? 8 : tail == Tail::drop ? 4 : 5));
    std::map<std::uint32_t, int> times;
    for (const auto k : s.batches) ++times[k];
    for (const auto& [batch, n] : times) CHECK((batch < b.size() && (n == 1 || tail == Tail::repeat)));
    CHECK(times.size() == b.size());
    if (tail == Tail::pad) CHECK(loads.back().graphs == 0);
    if (tail == Tail::repeat) CHECK(s.at(1, 1) == s.at(0, 0));
  }
  Batches b = fresh();
  auto loads = b.loads;
  Schedule s = make_schedule(b, loads, 2, Tail::pad);  // 3 steps
  const std::vector<std::uint32_t> wanted(b.batch(s.at(1, 0)).begin(), b.batch(s.at(1, 0)).end());
  cut_steps(b, loads, s, 1, 1);
  CHECK(s.steps() == 1);
  CHECK(b.size() == 2);
  CHECK(std::vector(b.batch(s.at(0, 0)).begin(), b.batch(s.at(0, 0)).end()) == wanted);

  p.atoms.push_back(1);
  b = fresh();
  loads = b.loads;
  CHECK(b.size() == 6);
  drop_rest(b, loads);
  CHECK(b.size() == 5);
  CHECK(loads.size() == 5);
}

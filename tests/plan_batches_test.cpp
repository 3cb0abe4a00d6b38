// The command: what it writes is what --verify accepts, and nothing else is.
#include "cmd/plan_batches.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "cmd/options.h"
#include "cmd/plan_edges.h"
#include "core/base/error.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/plan/cost.h"
#include "core/plan/mix.h"
#include "core/plan/shapes.h"
#include "core/plan/simulate.h"
#include "core/stats/edge_counts.h"
#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/plan_sizes.h"
#include "tests/support/random_structure.h"

using namespace atp;
using namespace atp::test;
namespace fs = std::filesystem;

TEST_CASE("what is written is sound, in every policy") {
  std::vector<std::uint32_t> atoms = random_counts(500, 60), edges = random_counts(500, 900);
  atoms[17] = 150;
  for (const std::string strategy : {"deal", "mace", "mace-shuffled", "next-fit", "fixed:3", "ffd", "bfd", "lpt"}) {
    for (const std::string tail : {"pad", "drop", "repeat"}) {
      for (const std::string oversize : {"single", "skip"}) {
        CAPTURE(strategy);
        CAPTURE(tail);
        Sizes s(atoms, edges);
        s.command.strategy = strategy;
        s.command.tail = tail;
        s.command.oversize = oversize;
        s.command.limits.edges = 3000;
        s.command.min_atoms = 3;
        s.command.drop_last = true;
        CHECK(plan_batches(s.command) == Exit::ok);
        CHECK(s.verify() == Exit::ok);
        s.command.mix = "atoms.npy=1.5";
        s.command.records = "::2,17";
        s.command.force = true;
        s.command.epochs = 2;
        CHECK(plan_batches(s.command) == Exit::ok);
        CHECK(s.verify() == Exit::ok);
        CHECK(fs::exists(s.dir / "plan/epoch-1/indices.npy"));
        CHECK(!fs::exists(s.dir / "plan/indices.npy"));
      }
    }
  }
}

TEST_CASE("an oversize graph is an error that names it") {
  std::vector<std::uint32_t> atoms = random_counts(50, 60);
  atoms[17] = 150;
  Sizes s(atoms);
  const std::string expected = s.command.sizes + ": record 17: has 150 atoms, --max-atoms is 100; pass --oversize single or skip, or a larger limit";
  CHECK_THROWS_WITH_AS(plan_batches(s.command), expected.c_str(), Error);
  CHECK(!fs::exists(s.dir / "plan"));
  s.command.oversize = "single";
  plan_batches(s.command);
  const auto loads = array(s.dir / "plan/atoms.npy");
  CHECK(std::count(loads.begin(), loads.end(), 150) == 1);
}

TEST_CASE("the same bytes whatever the number of threads; other seeds, other bytes") {
  Sizes s(random_counts(2000, 60), random_counts(2000, 900));
  const auto bytes = [&](int threads, std::uint64_t seed) {
    common_options().jobs = threads;
    s.command.seed = seed;
    s.command.force = true;
    plan_batches(s.command);
    std::string all;
    for (const char* name : {"indices", "offsets", "schedule", "atoms", "edges", "graphs"}) all += test::read_text(s.dir / (std::string("plan/") + name + ".npy"));
    return all;
  };
  const auto one = bytes(1, 0);
  CHECK(bytes(2, 0) == one);
  CHECK(bytes(7, 0) == one);
  CHECK(bytes(1, 1) != one);
}

TEST_CASE("a byte changed anywhere in a plan's arrays is found") {
  Sizes s(random_counts(60, 60), random_counts(60, 900));
  plan_batches(s.command);
  REQUIRE(s.verify() == Exit::ok);
  for (const char* name : {"indices", "offsets", "schedule", "atoms", "edges", "graphs"}) {
    const std::string path = s.dir / (std::string("plan/") + name + ".npy");
    const auto good = test::read_bytes(path);
    for (std::size_t i = 128; i < good.size(); i += 3) {
      auto bad = good;
      bad[i] ^= std::byte{1};
      test::write_bytes(path, bad);
      CAPTURE(name);
      CAPTURE(i);
      bool sound = false;
      try {
        sound = s.verify() == Exit::ok;
      } catch (const Error&) {
      }
      CHECK(!sound);
    }
    test::write_bytes(path, good);
  }
  write_npy(s.dir / "atoms.npy", random_counts(60, 60, 2));
  CHECK(s.verify() == Exit::no);
}

TEST_CASE("steps that are cut out are those of the whole epoch") {
  Sizes s(random_counts(500, 60));
  plan_batches(s.command);
  const auto indices = array(s.dir / "plan/indices.npy"), offsets = array(s.dir / "plan/offsets.npy"), schedule = array(s.dir / "plan/schedule.npy");
  const auto batches_from = [&](const std::string& plan, std::size_t step, std::size_t count) {
    const auto i = array(s.dir / (plan + "/indices.npy")), o = array(s.dir / (plan + "/offsets.npy")), t = array(s.dir / (plan + "/schedule.npy"));
    std::vector<std::vector<std::int64_t>> all;
    for (std::size_t k = step * 4; k < (step + count) * 4; ++k) {
      const auto b = static_cast<std::size_t>(t[k]);
      all.emplace_back(i.begin() + o[b], i.begin() + o[b + 1]);
    }
    return all;
  };
  const std::size_t steps = schedule.size() / 4;
  s.command.start = 7;
  s.command.output = s.dir / "rest";
  plan_batches(s.command);
  CHECK(s.verify("rest") == Exit::ok);
  CHECK(batches_from("rest", 0, steps - 7) == batches_from("plan", 7, steps - 7));
  s.command.start.reset();
  s.command.step = 3;
  s.command.output = s.dir / "one";
  plan_batches(s.command);
  CHECK(batches_from("one", 0, 1) == batches_from("plan", 3, 1));
  s.command.step = steps;
  s.command.output = s.dir / "none";
  CHECK_THROWS_AS(plan_batches(s.command), Error);
}

TEST_CASE("other forms of a plan hold the same batches") {
  Sizes s(random_counts(200, 60), random_counts(200, 500));
  plan_batches(s.command);
  s.command.format = "npz";
  s.command.output = s.dir / "npz";
  plan_batches(s.command);
  const auto archive = test::read_bytes(s.dir / "npz/plan.npz");
  CHECK(npz_member(archive, "indices", "t") == test::read_bytes(s.dir / "plan/indices.npy"));
  CHECK(npz_member(archive, "schedule", "t") == test::read_bytes(s.dir / "plan/schedule.npy"));

  s.command.format = "npy";
  s.command.per_rank = true;
  s.command.output = s.dir / "ranks";
  plan_batches(s.command);
  const auto schedule = array(s.dir / "plan/schedule.npy"), atoms = array(s.dir / "plan/atoms.npy");
  const auto own = array(s.dir / "ranks/rank-2/atoms.npy");
  REQUIRE(own.size() == schedule.size() / 4);
  for (std::size_t t = 0; t < own.size(); ++t) CHECK(own[t] == atoms[static_cast<std::size_t>(schedule[4 * t + 2])]);

  s.command.format = "jsonl";
  s.command.per_rank = false;
  s.command.output = s.dir / "lines";
  plan_batches(s.command);
  simdjson::dom::parser parser;
  std::size_t k = 0;
  for (const auto line : parser.load_many(s.dir / "lines/batches.jsonl")) {
    CHECK(line["step"].get_uint64().value() == k / 4);
    CHECK(line["rank"].get_uint64().value() == k % 4);
    CHECK(static_cast<std::int64_t>(line["atoms"].get_uint64().value()) == atoms[static_cast<std::size_t>(schedule[k++])]);
  }
  CHECK(k == schedule.size());
}

TEST_CASE("a plan is replaced with --force only, and nothing else ever") {
  Sizes s(random_counts(50, 60));
  plan_batches(s.command);
  CHECK_THROWS_AS(plan_batches(s.command), Error);
  s.command.force = true;
  CHECK(plan_batches(s.command) == Exit::ok);
  test::write_text(s.dir / "plan/thesis.tex", "years of work");
  CHECK_THROWS_AS(plan_batches(s.command), Error);
  CHECK(test::read_text(s.dir / "plan/thesis.tex") == "years of work");
  for (const auto& entry : fs::directory_iterator(s.dir.path())) CHECK(entry.path().string().find(".tmp-") == std::string::npos);
}

TEST_CASE("mixes repeat and subsample by weight") {
  const std::vector<std::string> names{"a", "b"};
  const std::vector<std::uint64_t> counts{100, 300};
  CHECK(mix_weights("a=2", names, counts) == std::vector<double>{2, 1});
  CHECK(mix_weights("balanced", names, counts)[0] * 100 == doctest::Approx(200));
  CHECK(mix_weights("balanced", names, counts)[1] * 300 == doctest::Approx(200));
  CHECK(mix_weights("temperature:1", names, counts)[1] == doctest::Approx(1));
  const auto warm = mix_weights("temperature:2", names, counts);
  CHECK(warm[1] * 300 / (warm[0] * 100) == doctest::Approx(std::sqrt(3)));
  for (const char* bad : {"c=1", "a", "a=x", "a=-1", "temperature:0", "temperature:x", "a=nan", "a=1e300"}) CHECK_THROWS_AS(mix_weights(bad, names, counts), Error);

  std::vector<int> times(10);
  for (std::uint64_t epoch = 0; epoch < 2000; ++epoch) {
    std::uint64_t total = 0;
    spread_evenly(10, 23, 5, epoch, 0, [&](std::uint64_t i, std::uint64_t n) {
      CHECK((n == 2 || n == 3));
      total += n;
      times[i] += static_cast<int>(n == 3);
    });
    CHECK(total == 23);
  }
  double chi_square = 0;  // 9 degrees of freedom
  for (const int t : times) chi_square += (t - 600.0) * (t - 600.0) / 600;
  CHECK(chi_square < 27);
}

TEST_CASE("balanced and temperature keep the sum to the graph") {
  const std::vector<std::string> names{"a", "b", "c", "d"};
  for (const std::vector<std::uint64_t>& counts : {std::vector<std::uint64_t>{10, 11, 12, 2}, {1, 1, 1, 4}, {7, 0, 3, 1}, {1000003, 17, 5, 999}}) {
    const std::uint64_t sum = counts[0] + counts[1] + counts[2] + counts[3];
    for (const char* mix : {"balanced", "temperature:2", "temperature:3.7", "temperature:1e-6", "temperature:0.01", "temperature:1000000"}) {
      CAPTURE(mix);
      const auto wanted = mix_counts(mix, names, counts);
      CHECK(wanted[0] + wanted[1] + wanted[2] + wanted[3] == sum);
      for (std::size_t d = 0; d < 4; ++d) CHECK((counts[d] > 0 || wanted[d] == 0));
    }
    CHECK(mix_counts("temperature:1", names, counts) == counts);
    CHECK(mix_counts("", names, counts) == counts);
  }
  CHECK(mix_counts("a=1.5,b=0", names, std::vector<std::uint64_t>{3, 3, 3, 3}) == std::vector<std::uint64_t>{5, 0, 3, 3});
  CHECK(mix_counts("balanced", names, std::vector<std::uint64_t>{0, 0, 0, 0}) == std::vector<std::uint64_t>{0, 0, 0, 0});
}

TEST_CASE("copies that --mix asks for come into different batches") {
  Sizes s(random_counts(200, 20));
  s.command.mix = "atoms.npy=4";
  plan_batches(s.command);
  CHECK(s.verify() == Exit::ok);
  const auto indices = array(s.dir / "plan/indices.npy"), offsets = array(s.dir / "plan/offsets.npy");
  CHECK(indices.size() == 800);
  for (std::size_t b = 0; b + 1 < offsets.size(); ++b) {
    std::vector<std::int64_t> batch(indices.begin() + offsets[b], indices.begin() + offsets[b + 1]);
    std::sort(batch.begin(), batch.end());
    CHECK(std::adjacent_find(batch.begin(), batch.end()) == batch.end());
  }
}

TEST_CASE("padding counts what binds, and a graph above the limit pads nothing") {
  const Schedule schedule{1, {0, 1}};
  const std::vector<std::uint64_t> starts{0, 3};
  Batches b{HugeBuffer<std::uint32_t>(3), {0, 2, 3}, {}, {}, false};
  const std::vector<Load> loads{{80, 900, 2}, {60, 600, 1}};
  const auto atoms = statistics_of(b, loads, schedule, {100, kNoLimit, kNoLimit}, starts);
  CHECK((atoms.binding == Binding::atoms && atoms.padding == doctest::Approx(0.3)));
  const auto edges = statistics_of(b, loads, schedule, {1000, 1000, kNoLimit}, starts);
  CHECK((edges.binding == Binding::edges && edges.padding == doctest::Approx(0.25)));
  const auto graphs = statistics_of(b, loads, schedule, {kNoLimit, kNoLimit, 2}, starts);
  CHECK((graphs.binding == Binding::graphs && graphs.padding == doctest::Approx(0.25)));
  const auto single = statistics_of(b, std::vector<Load>{{80, 0, 2}, {500, 0, 1}}, schedule, {100, kNoLimit, kNoLimit}, starts);
  CHECK(single.padding == doctest::Approx(20.0 / 600));

  std::vector<std::uint32_t> counts(10, 50);
  counts[3] = 150;
  Sizes s(counts);
  s.command.oversize = "single";
  const PlanSizes sizes = read_sizes(s.command);
  CHECK(make_plan(s.command, sizes, parse_strategy("deal"), 0).lower_bound == 8);  // 5 and the large one, for 4 GPUs
}

TEST_CASE("costs are read") {
  CHECK(parse_cost("atoms").per_edge == 0);
  CHECK(parse_cost("2*atoms+1*edges").per_atom == 2 * parse_cost("2*atoms + edges").per_edge);
  for (const char* bad : {"", "x", "2*", "*atoms", "atoms+", "-1*atoms", "0*atoms", "2*atoms*edges", "nan*atoms"}) CHECK_THROWS_AS(parse_cost(bad), Error);
}

TEST_CASE("static shapes hold every batch of their steps") {
  const auto atoms = random_counts(999, 3000);
  std::vector<Load> loads;
  for (std::size_t i = 0; i < atoms.size(); ++i) loads.push_back({atoms[i], atoms[i] * 30ull, 1 + atoms[i] % 7});
  Schedule schedule{3, {}};
  for (std::uint32_t i = 0; i < 999; ++i) schedule.batches.push_back(i);
  double last = 1;
  for (const std::uint64_t most : {1u, 2u, 4u, 8u}) {
    const StaticShapes s = choose_shapes(loads, schedule, most);
    CHECK(s.shapes.size() == most);
    std::uint64_t steps = 0;
    for (const StaticShape& shape : s.shapes) steps += shape.steps;
    CHECK(steps == 333);
    for (std::size_t t = 0; t < 333; ++t) {
      for (std::size_t r = 0; r < 3; ++r) {
        const StaticShape& shape = s.shapes[s.of_step[t]];
        const Load& load = loads[schedule.at(t, r)];
        CHECK(load.atoms + 1 <= shape.n_node);  // one node and one graph take up the padding
        CHECK(load.edges <= shape.n_edge);
        CHECK(load.graphs + 1 <= shape.n_graph);
      }
    }
    CHECK(s.padding_nodes < last);
    last = s.padding_nodes;
  }
  CHECK(choose_shapes({}, Schedule{2, {}}, 3).shapes.empty());
}

TEST_CASE("epochs last as long as their slowest GPUs") {
  const std::vector<Load> loads{{1000, 0, 1}, {100, 0, 1}, {400, 10, 1}, {0, 0, 0}};
  CostModel m = parse_cost_model("token=1,saturation=400,edge=2,step=10,reduce=3,latency=0");
  CHECK(epoch_seconds(loads, Schedule{2, {0, 1, 2, 3}}, m) == doctest::Approx(1000 + 13 + 420 + 13));
  CHECK(epoch_seconds(loads, Schedule{1, {1}}, m) == doctest::Approx(400 + 10));
  CHECK(gpu_counts(12) == std::vector<std::uint32_t>{1, 2, 4, 8, 12});
  for (const char* bad : {"token", "tokn=1", "token=-1", "token=x"}) CHECK_THROWS_AS(parse_cost_model(bad), Error);
}

TEST_CASE("edges are counted once, kept, and refused when the dataset has changed") {
  test::TempDir dir;
  Quiet quiet;
  // A cubic cell of 2 Å with one atom: 80 images lie at |(i, j, k)| * 2 Å < 5 Å. Then two atoms far from their images.
  std::vector<Structure> structures(3);
  structures[0].atomic_numbers = {1};
  structures[0].set_positions(std::vector<double>{0.3, 0.3, 0.3});
  structures[0].set_cell({2, 0, 0, 0, 2, 0, 0, 0, 2});
  for (std::size_t k = 1; k < 3; ++k) {
    structures[k].atomic_numbers = {1, 1};
    structures[k].set_positions(std::vector<double>{0, 0, 0, 0, 0, 4.0 * static_cast<double>(k)});
    structures[k].set_cell({50, 0, 0, 0, 50, 0, 0, 0, 50});
  }
  test::write(dir / "x.atp", structures);
  std::vector<Dataset> datasets;
  datasets.push_back(Dataset({dir / "x.atp"}));
  const std::vector<std::uint64_t> starts{0, 3};
  const auto first = edge_counts(datasets, starts, 5);
  CHECK(std::vector(first.begin(), first.end()) == std::vector<std::uint32_t>{80, 2, 0});
  const std::string kept = edge_file(dir / "x.atp", 5);
  CHECK(kept.ends_with("x.atp.edges-5.npy"));
  const auto bytes = test::read_bytes(kept);
  CHECK(is_edge_trailer(parse_npy(bytes, kept).trailer));
  const auto again = edge_counts(datasets, starts, 5);
  CHECK(std::equal(again.begin(), again.end(), first.begin()));
  for (std::size_t i = 0; i < bytes.size(); i += 5) {  // any byte that changes is noticed
    auto bad = bytes;
    bad[i] ^= std::byte{4};
    test::write_bytes(kept, bad);
    CHECK_THROWS_AS(edge_counts(datasets, starts, 5), Error);
  }
  test::write_bytes(kept, bytes);
  structures.pop_back();
  test::write(dir / "x.atp", structures);
  datasets.clear();
  datasets.push_back(Dataset({dir / "x.atp"}));
  CHECK_THROWS_WITH_AS(edge_counts(datasets, std::vector<std::uint64_t>{0, 2}, 5),
                       (kept + ": is stale: it was made of another state of " + (dir / "x.atp") + "; remove it to count again").c_str(), Error);
}

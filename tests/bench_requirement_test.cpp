// What a benchmark is held to: --require and --goals.
#include <doctest/doctest.h>

#include "cmd/bench.h"
#include "core/base/error.h"
#include "core/bench/requirement.h"
#include "tests/support/bench_rows.h"
#include "tests/support/refusal.h"

using namespace atp;
using namespace atp::test;

TEST_CASE("requirements: what is understood") {
  const Requirement r = parse_requirement("atp/lmdb shuffled 64 >= 4");
  CHECK(r.backend == "atp");
  CHECK(r.peer == "lmdb");
  CHECK(r.workload == "shuffled");
  CHECK(r.load == "64");
  CHECK(r.at_least);
  CHECK(r.bar == 4);
  CHECK(parse_requirement("  atp   batch dataset<=1.5e3 ").text() == "atp batch dataset <= 1500");
  CHECK(parse_requirement("atp workers-4 like >= 2").workload == "workers-4");
  CHECK(parse_requirement("atp shuffled 64 >= 1.5M").bar == 1.5e6);
  CHECK(parse_requirement("atp shuffled 64 >= 20k").bar == 2e4);
}

TEST_CASE("requirements: what is refused, and with what advice") {
  const auto said = [](const char* text) { return refusal([&] { parse_requirement(text); }, Exit::usage); };
  CHECK(said("atp shuffled 64 >= 4x").find("no number") != std::string::npos);
  CHECK(said("atp/lmbd shuffled 64 >= 4").find("did you mean 'lmdb'?") != std::string::npos);
  CHECK(said("atp/lmdb shufled 64 >= 4").find("did you mean 'shuffled'?") != std::string::npos);
  for (const char* text : {"", ">=", "atp", "atp/lmdb shuffled 64 > 4", "atp/lmdb shuffled 64 >= x", "atp/lmdb shuffled 64 >= 4 5", "atp/lmdb shuffled >= 4",
                           "/ shuffled 64 >= 4", "atp/ shuffled 64 >= 4", "atp shuffled 6a >= 4", "atp shuffled 64 >= nan", "atp shuffled 64 >= -1", "atp workers 64 >= 1",
                           "atp workers- 64 >= 1", "atp shuffled 64 <", "atp shuffled 64 >= 1 >= 2"}) {
    CAPTURE(text);
    said(text);
  }
}

TEST_CASE("requirements that the run will not measure are refused before it") {
  BenchCommand command;
  command.atoms = {12, 64};
  const auto need = [&](const char* text) { need_measured(parse_requirement(text), command); };
  const auto said = [&](const char* text) { return refusal([&] { need(text); }, Exit::usage); };
  need("atp shuffled 12 >= 1");
  need("atp/py-hdf5 batch 64 >= 1");
  need("atp workers-4 64 >= 1");
  CHECK(said("atp shuffled 13 >= 1").find("add 13 to --atoms") != std::string::npos);
  CHECK(said("atp shuffled dataset >= 1").find("name a DATASET") != std::string::npos);
  CHECK(said("atp shuffled like >= 1").find("add --like") != std::string::npos);
  CHECK(said("atp workers-3 64 >= 1").find("add 3 to --workers") != std::string::npos);
  CHECK(said("atp/map shuffled 64 >= 1").find("add map to --backends") != std::string::npos);
  CHECK(said("py-hdf5 workers-4 64 >= 1").find("is not measured for py-hdf5") != std::string::npos);
  CHECK(said("atp/atp-verified write 64 >= 1").find("is not measured for atp-verified") != std::string::npos);
  command.goals = true;
  need("atp/map shuffled 64 >= 1");
  command.backends = {"atp"};
  command.workloads = {"shuffled"};
  CHECK(said("atp/lmdb shuffled 64 >= 1").find("lmdb") != std::string::npos);
  CHECK(said("atp seq 64 >= 1").find("add seq to --workloads") != std::string::npos);
  CHECK(said("atp workers-4 64 >= 1").find("add workers to --workloads") != std::string::npos);
  command = {};
  command.like = "a.atp";
  need("atp shuffled like >= 1");
  CHECK(said("atp shuffled 64 >= 1").find("write like in its place") != std::string::npos);
  command = {};
  command.datasets = {"a.atp"};
  need("atp/atp-verified shuffled dataset >= 1");
  CHECK(said("atp shuffled 64 >= 1").find("write dataset in its place") != std::string::npos);
  CHECK(said("atp write dataset >= 1").find("--dir") != std::string::npos);
  CHECK(said("atp/ase-db shuffled dataset >= 1").find(find_backend("ase-db")->missing.empty() ? "--dir" : "no ase-db") != std::string::npos);
  command.dirs = {"."};
  need("atp write dataset >= 1");
}

TEST_CASE("requirements: what is met") {
  const BenchResults r = some_results();
  const auto met = [&](const char* text) { return check_requirement(parse_requirement(text), r).at(0); };
  CHECK(met("atp/lmdb shuffled 64 >= 4").met);
  CHECK(*met("atp/lmdb shuffled 64 >= 4").value == doctest::Approx(4));
  CHECK_FALSE(met("atp/lmdb shuffled 64 >= 4.01").met);
  CHECK(met("lmdb/atp open 64 >= 2").met);  // less time is better
  CHECK(met("atp shuffled 64 >= 400").met);
  CHECK_FALSE(met("atp shuffled 64 <= 399").met);
  CHECK_FALSE(met("atp shuffled 12 >= 1").value);
  CHECK_FALSE(met("atp/hdf5 shuffled 64 >= 1").met);  // it has no values
  CHECK(check_goals(r).size() > 30);
}

TEST_CASE("goals stand beside what a yardstick reached in the reader's place") {
  BenchResults r = some_results();
  r.rows.push_back(row("copy", "shuffled", {300, 300, 300}));
  const auto goal = [&](std::string_view text) {
    for (const GoalResult& g : check_goals(r)) {
      if (g.reached.requirement.text() == text) return g;
    }
    return GoalResult{};
  };
  // atp reads 400 a second, LMDB 100.
  GoalResult g = goal("atp/lmdb shuffled 64 >= 4.6");
  CHECK(g.yardstick == "copy");
  REQUIRE(g.bound);
  CHECK(*g.bound == doctest::Approx(3));
  CHECK(g.out_of_reach());
  r.rows.back() = row("copy", "shuffled", {500, 500, 500});
  CHECK_FALSE(goal("atp/lmdb shuffled 64 >= 4.6").out_of_reach());
  r.rows.pop_back();
  CHECK_FALSE(goal("atp/lmdb shuffled 64 >= 4.6").bound);
  CHECK(goal("atp/atp-verified shuffled 64 <= 1.5").yardstick.empty());
}

TEST_CASE("writes of different numbers of molecules are not held against each other") {
  BenchResults r = some_results();
  for (const char* backend : {"atp", "lmdb"}) {
    BenchRow written = row(backend, "write", {1, 2, 3});
    written.per_trial = 100;
    r.rows.push_back(written);
  }
  const auto value = [&] { return check_requirement(parse_requirement("atp/lmdb write 64 >= 1"), r).at(0).value; };
  CHECK(value());
  r.rows.back().per_trial = 99;
  CHECK_FALSE(value());
}

TEST_CASE("reads of molecules of another size are not held against each other") {
  BenchResults r = some_results();
  r.rows = {row("atp", "shuffled", {400, 410, 390}), row("aselmdb", "shuffled", {10, 11, 9}), row("lmdb", "shuffled", {100, 101, 99})};
  r.rows[1].molecules = 10;
  r.rows[1].payload = 6483;  // the first ones are large
  r.rows[2].payload = 1700;
  compare_with_atp(r.rows);
  CHECK_FALSE(r.rows[1].ratio_to_atp);
  CHECK(r.rows[2].ratio_to_atp);
  CHECK_FALSE(check_requirement(parse_requirement("atp/aselmdb shuffled 64 >= 1"), r).at(0).value);
}

TEST_CASE("a store that was cut shorter proves nothing by being faster") {
  BenchResults r = some_results();  // 1000 molecules in each store
  const auto reached = [&](const char* text) { return check_requirement(parse_requirement(text), r).at(0); };
  r.rows[0].molecules = 700;  // atp's
  CHECK_FALSE(reached("atp/lmdb shuffled 64 >= 2").value);
  CHECK_FALSE(reached("atp/lmdb shuffled 64 >= 2").met);
  CHECK(reached("atp/lmdb shuffled 64 >= 2").why_not == "atp holds 700 molecules and lmdb 1000: give fewer --records, or more --seconds");
  CHECK_FALSE(reached("lmdb/atp shuffled 64 <= 2").value);  // the same, said the other way
  CHECK(reached("lmdb/atp shuffled 64 >= 0.1").value);      // it is slow although it fits into more of the cache
  CHECK(reached("atp shuffled 64 >= 1").met);
  r.rows[0].molecules = 800;
  CHECK(reached("atp/lmdb shuffled 64 >= 2").met);
  r.rows[1].molecules = 10;  // LMDB's
  CHECK(reached("atp/lmdb shuffled 64 >= 2").met);
}

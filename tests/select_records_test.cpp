#include "core/query/select_records.h"

#include <doctest/doctest.h>

#include "tests/support/damaged.h"
#include "tests/support/files.h"
#include "tests/support/molecules.h"

using namespace atp;
using test::molecule;
using test::Molecules;

namespace {

using Records = std::vector<std::uint64_t>;

SelectOptions with_jobs(int jobs) {
  SelectOptions options;
  options.jobs = jobs;
  return options;
}

std::string where_refusal(const Dataset& dataset, const std::string& expression) {
  CAPTURE(expression);
  try {
    select_records(dataset, expression, with_jobs(2));
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  }
  FAIL_CHECK("was not refused: " << expression);
  return {};
}

}  // namespace

TEST_CASE("select_records: the same for any number of threads") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const std::pair<const char*, Records> cases[] = {
      {"1", {0, 1, 2, 3, 4, 5, 6, 7}},
      {"0", {}},
      {"NULL", {}},
      {"n_atoms <= 3 AND only_elements('H C N O') AND energy_per_atom > -3", {0, 2, 4, 5}},
      {"n_atoms > (SELECT avg(n_atoms) FROM records)", {0, 1, 5, 7}},
      {"energy = (SELECT min(energy) FROM records)", {7}},
      {"formula IN (SELECT formula FROM records GROUP BY 1 HAVING count(*) > 1)", {0, 5}},
      {"formula LIKE 'H2%' -- water, hydrogen", {0, 4, 5}},
      {"shard LIKE '%2.atp' OR record = 7", {3, 4, 7}},
      {"record % 3 = 0", {0, 3, 6}},
      {"n_atoms", {0, 1, 2, 3, 4, 5, 7}},
  };
  for (const auto& one : cases) {
    const char* const expression = one.first;
    CAPTURE(expression);
    for (const int jobs : {1, 2, 5}) {
      std::uint64_t seen = 0;
      SelectOptions options = with_jobs(jobs);
      options.progress = [&](std::uint64_t n) { seen = n; };
      CHECK(select_records(*m.dataset, expression, options) == one.second);
      CHECK(seen == 8);
    }
  }
}

TEST_CASE("select_records: many pieces") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  std::vector<Structure> all(40000, molecule({1}, 0));
  for (std::size_t i = 0; i < all.size(); ++i) all[i].set_energy(static_cast<double>(i * 7919 % 1000));
  test::write(dir / "a.atp", {all.begin(), all.begin() + 30000});
  test::write(dir / "b.atp", {all.begin() + 30000, all.end()});
  const Dataset d({dir.path().string()});
  Records wanted;
  for (std::uint64_t i = 0; i < all.size(); ++i)
    if (i * 7919 % 1000 < 100) wanted.push_back(i);
  for (const int jobs : {1, 4}) CHECK(select_records(d, "energy < 100", with_jobs(jobs)) == wanted);
}

TEST_CASE("select_records: one expression and nothing more") {
  if (test::no_sqlite()) return;
  const Molecules m;
  const Dataset& d = *m.dataset;
  for (const char* bad : {"", " ", "1) OR (1", "1) --", "1); SELECT (1", "1; DROP TABLE records", "1;", "n_atoms, energy", "1 AS x", "*", "records.*",
                          "1 FROM records", "1 ORDER BY 1", "1) GROUP BY (n_atoms", "1) UNION SELECT (1", "DISTINCT n_atoms", "(1", "1)", "/* open",
                          "--", "?", "?1", ":a", "count(*) > 1", "row_number() OVER () > 1", "random() % 2 = 0", "randomblob(1) > x'00'", "n_atom > 3",
                          "SELECT 1", "energy < 'a' 'b'", "load_extension('x')", "EXISTS (SELECT * FROM pragma_database_list)", "\"x y\" = 1"})
    CHECK(where_refusal(d, bad).starts_with("--where: "));
  CHECK(where_refusal(d, "n_atom > 3") == "--where: no such column: n_atom; did you mean 'n_atoms'?");
  CHECK(where_refusal(d, "n_atoms > 3;") == "--where: no such column: n_atoms; write one expression of SQLite, as 'n_atoms <= 200 AND energy < 0'");
  CHECK(where_refusal(d, "random() > 0") ==
        "--where: not authorized to use function: random; it would give another result in each run");
}

TEST_CASE("select_records: a damaged record is an error") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  const std::string path = dir / "a.atp";
  test::write(path, {molecule({8, 1, 1}, -6), molecule({1, 1}, -1)});
  auto bytes = test::read_bytes(path);
  bytes[Reader(path).entry(1).offset + 3] ^= std::byte{1};
  test::write_bytes(path, bytes);
  const Dataset d({path});
  CHECK(select_records(d, "n_atoms = 2", with_jobs(2)) == Records{1});
  for (const int jobs : {1, 2})
    CHECK_THROWS_WITH_AS(select_records(d, "energy < 0", with_jobs(jobs)), doctest::Contains((path + ": record 1: is damaged").c_str()), Error);
}

TEST_CASE("select_records: damaged records can be left out, and indexes trusted") {
  if (test::no_sqlite()) return;
  const test::TempDir dir;
  const std::string a = dir / "a.atp", b = dir / "b.atp";
  const std::vector<Structure> three = {molecule({8, 1, 1}, -6), molecule({1, 1}, -1), molecule({8}, -3)};
  test::write(a, three);
  test::write(b, three);
  for (const auto& [path, record] : {std::pair(a, 1), std::pair(b, 0), std::pair(b, 2)}) {
    auto bytes = test::read_bytes(path);
    bytes[Reader(path).entry(static_cast<std::uint64_t>(record)).offset + 6] ^= std::byte{1};  // a position
    test::write_bytes(path, bytes);
  }
  const Dataset d({a, b});
  for (const int jobs : {1, 3}) {
    SelectOptions options = with_jobs(jobs);
    Records damaged;
    options.damaged = [&](std::uint64_t record, const Error& e) {
      damaged.push_back(record);
      CHECK(e.problem() == "is damaged: its checksum does not fit");
    };
    CHECK(select_records(d, "energy < 0", options) == Records{0, 2, 4});
    CHECK(damaged == Records{1, 3, 5});
    CHECK(select_records(d, "n_atoms < 3", options) == Records{1, 2, 4, 5});
    CHECK(damaged == Records{1, 3, 5});
    damaged.clear();
    CHECK(select_records(d, "n_atoms < 3 AND has_element('H')", options) == Records{4});
    CHECK(damaged == Records{1, 5});
    CHECK_THROWS_AS(select_records(d, "energy = (SELECT min(energy) FROM records)", options), Error);
    options.damaged = nullptr;
    options.verify = false;
    CHECK(select_records(d, "energy < 0", options) == Records{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("select_records: within some records") {
  if (test::no_sqlite()) return;
  const Molecules m;
  for (const char* expression : {"energy < -5", "energy < -5 AND (SELECT 1)"}) {
    CAPTURE(expression);
    SelectOptions options = with_jobs(2);
    std::uint64_t seen = 0;
    options.progress = [&](std::uint64_t n) { seen = n; };
    options.within = {{1, 4}, {5, 6}};
    CHECK(select_records(*m.dataset, expression, options) == Records{1, 3, 5});
    CHECK(seen > 0);
    options.within = {{0, 1}, {7, 8}};
    CHECK(select_records(*m.dataset, expression, options) == Records{0, 7});
    options.within.emplace();
    CHECK(select_records(*m.dataset, expression, options).empty());
  }
}

// What a benchmark reports: requirements, baselines, tables and the page.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "cmd/bench.h"
#include "cmd/bench_svg.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/bench/footprint.h"
#include "core/bench/requirement.h"
#include "core/bench/serve.h"
#include "core/bench/session.h"
#include "core/bench/stores.h"
#include "tests/support/bench_rows.h"
#include "tests/support/files.h"
#include "tests/support/refusal.h"

using namespace atp;
using namespace atp::test;

namespace {

// Whether tags are closed in order and nothing else is open at the end.
bool well_formed(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.ends_with("/")) continue;
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("folders of two runs are the same however they are written, and when there is one of each") {
  BenchResults then = some_results(), now = some_results();
  for (BenchRow& b : now.rows) b.dir = "/x/../d/";
  CHECK_FALSE(changes_since(then, now).empty());
  for (BenchRow& b : now.rows) b.dir = "/e";
  now.mounts[0].folder = "/e";
  CHECK_FALSE(changes_since(then, now).empty());
  const auto differences = differences_since(then, now);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].what == "--dir");
  now.rows[0].dir = "/f";
  CHECK(changes_since(then, now).empty());
}

TEST_CASE("a report is read back as a baseline") {
  test::TempDir dir;
  const BenchResults r = some_results();
  test::write_text(dir / "old.json", bench_json(r, {}));
  const BenchResults old = read_baseline(dir / "old.json");
  REQUIRE(old.rows.size() == r.rows.size());
  for (std::size_t i = 0; i < old.rows.size(); ++i) {
    CHECK(old.rows[i].values == r.rows[i].values);
    CHECK(old.rows[i].problem == r.rows[i].problem);
    CHECK(old.rows[i].molecules == r.rows[i].molecules);
  }
  CHECK(differences_since(old, r).empty());
  BenchResults faster = r;
  for (auto& v : faster.rows[0].values) v *= 2;
  summarise(faster.rows[0]);
  BenchChecks checks;
  hold_against(old, faster, checks);
  REQUIRE(checks.changes.size() == 4);
  CHECK(checks.changes[0].verdict == Verdict::better);
  CHECK(checks.changes[1].verdict == Verdict::same);
  CHECK(checks.changes[2].verdict == Verdict::few_trials);  // opened once
  const std::string text = changes_table(checks, 200), json = bench_json(faster, checks), page = bench_html(faster, checks);
  for (const std::string* said : {&text, &json, &page}) {
    CHECK(said->find("better") != std::string::npos);
    CHECK(said->find("worse") == std::string::npos);
    CHECK(said->find("nan") == std::string::npos);
    CHECK(said->find("NaN") == std::string::npos);
  }
  CHECK(text.find("2.000") != std::string::npos);
  CHECK(text.find("too few trials") != std::string::npos);
  CHECK(json.find("\"changes\":[{") != std::string::npos);
  CHECK(json.find("\"verdict\":\"few_trials\"") != std::string::npos);
  CHECK(json.find("\"interval\":null") != std::string::npos);
  CHECK(page.find("2.000") != std::string::npos);
  CHECK(bench_json(r, {}).find("changes") == std::string::npos);
  for (const std::string& said : {bench_end(r, 200), page}) CHECK(said.find("2 rows of fewer than 3 trials: without an interval") != std::string::npos);
}

TEST_CASE("runs with other options, or elsewhere, are not held against each other without a word") {
  const auto batches = [](const BenchOptions& options) {
    BenchResults r = some_results();
    for (const char* workload : {"batch", "cold-batch"}) r.rows.push_back(row("atp", workload, {300, 310, 290}));
    r.options = options;
    return results_of_report(bench_json(r, {}));  // as a baseline is: through JSON
  };
  BenchOptions usual;
  usual.batch = 256;
  usual.trials = 5;
  usual.seconds = 90;
  usual.io = "auto";
  const BenchResults then = batches(usual);
  REQUIRE(then.options);
  CHECK(differences_since(then, batches(usual)).empty());

  BenchOptions others = usual;
  others.batch = 64;
  others.seed = std::numeric_limits<std::uint64_t>::max();
  others.io = "pread";
  others.like = "a.atp";
  BenchResults now = batches(others);
  now.machine.cpu = "another";
  now.machine.kernel = "newer";
  now.mounts[0].type = "nfs4";
  BenchChecks checks;
  hold_against(then, now, checks);
  std::vector<std::string> what;
  for (const BaselineDifference& d : checks.differences) what.push_back(d.what);
  CHECK(what == std::vector<std::string>{"--like", "--batch", "--seed", "--io", "CPU", "kernel", "/d: file system"});
  for (const BaselineChange& c : checks.changes) {
    CAPTURE(c.workload);
    CHECK((c.verdict == Verdict::incomparable) == c.workload.ends_with("batch"));
    CHECK(c.why.empty() == !c.workload.ends_with("batch"));
  }
  const std::string text = changes_table(checks, 200), json = bench_json(now, checks), page = bench_html(now, checks);
  CHECK(text.find("  --batch: 256 then, 64 now\n") != std::string::npos);
  CHECK(text.find("not comparable: --batch 256 then, 64 now") != std::string::npos);
  CHECK(page.find("--batch: 256 then, 64 now") != std::string::npos);
  CHECK(json.find("{\"what\":\"--batch\",\"then\":\"256\",\"now\":\"64\"}") != std::string::npos);
  CHECK(json.find("\"verdict\":\"incomparable\",\"why\":\"--batch") != std::string::npos);

  // Molecules that are others: of every row.
  BenchResults more = then;
  for (BenchRow& r : more.rows) r.molecules *= 2;
  for (const BaselineChange& c : changes_since(then, more)) CHECK(c.why == "1,000 molecules then, 2,000 now");
  // Stores that time has cut short at nearly the same place.
  BenchResults cut = then;
  for (BenchRow& r : cut.rows) r.molecules = r.molecules * 4 / 5;
  for (const BaselineChange& c : changes_since(then, cut)) {
    CAPTURE(c.workload);
    const bool reads = c.workload != "write" && c.workload != "open" && c.workload != "size";
    CHECK(c.why == (reads ? "" : "1,000 molecules then, 800 now"));
  }
  // What was to hold fewer, and a dataset that has lost some, were not cut short.
  cut.options->records = 800;
  for (const BaselineChange& c : changes_since(then, cut)) CHECK(c.why == "1,000 molecules then, 800 now");
  BenchResults full = then;
  full.options->dataset = cut.options->dataset = "train.atp";
  full.options->records = cut.options->records = std::nullopt;
  for (const BaselineChange& c : changes_since(full, cut)) CHECK(c.why == "1,000 molecules then, 800 now");
  BenchOptions custom = usual;
  custom.custom = true;
  for (const BaselineChange& c : changes_since(then, batches(custom))) CHECK(c.why == "now with --custom");
  BenchOptions together = usual;
  together.processes = 4;
  for (const BaselineChange& c : changes_since(then, batches(together))) CHECK(c.verdict == Verdict::incomparable);

  // A report that is older than its options.
  BenchResults older = then;
  older.options.reset();
  BenchChecks of_older;
  hold_against(results_of_report(bench_json(older, {})), now, of_older);
  CHECK(changes_table(of_older, 200).find("does not say with which options") != std::string::npos);
}

TEST_CASE("sizes are counted: they need no trials to have changed") {
  BenchResults then, now;
  then.rows = {row("atp", "size", {0.5}, BenchUnit::bytes_per_byte)};
  now.rows = {row("atp", "size", {0.6}, BenchUnit::bytes_per_byte)};
  CHECK(changes_since(then, now).at(0).verdict == Verdict::worse);
  CHECK(changes_since(then, then).at(0).verdict == Verdict::same);
  CHECK(few_trials_sentence(now).empty());
}

TEST_CASE("baselines that are none") {
  test::TempDir dir;
  for (const char* text : {"", "x", "[]", "{}", "{\"format\":\"other\",\"rows\":[]}", "{\"format\":\"atp-bench-1\"}", "{\"format\":\"atp-bench-1\",\"rows\":[{}]}",
                           "{\"format\":\"atp-bench-1\",\"rows\":[{\"dir\":\"\",\"load\":\"\",\"backend\":\"\",\"workload\":\"\",\"unit\":\"\",\"values\":[]}]}",
                           "{\"format\":\"atp-bench-1\",\"rows\":[{\"dir\":\"\",\"load\":\"\",\"backend\":\"\",\"workload\":\"\",\"unit\":\"\",\"values\":[-1]}]}"}) {
    CAPTURE(text);
    test::write_text(dir / "b", text);
    const std::string said = refusal([&] { read_baseline(dir / "b"); }, Exit::input);
    CHECK(said.find(dir / "b") == 0);
    CHECK((said.find("is not a report of atp bench --json") != std::string::npos || said.find("are no measurements") != std::string::npos));
    CHECK(said.find("JSON field") == std::string::npos);  // another library's words
  }
  refusal([&] { read_baseline(dir / "none"); }, Exit::input);
}

TEST_CASE("the page is well-formed and needs nothing else") {
  BenchResults r = some_results();
  r.mounts[0].folder = r.rows[0].dir = "/d<script>";
  r.footprint = estimate_footprint({10, 5, 2, 16'000'000'000, std::nullopt}, grids()[0]);
  r.grid = grids()[0].name;
  BenchChecks checks;
  checks.with_goals = true;
  checks.goals = check_goals(r);
  for (const char* text : {"atp shuffled 64 >= 1", "atp shuffled 64 >= 1e9", "atp batch 64 >= 1"}) {
    for (const auto& found : check_requirement(parse_requirement(text), r)) checks.required.push_back(found);
  }
  IoProfile profile;
  profile.moments = {{0.1, {10, 0, 80, 3, 0, 3000, 5, 5}}, {0.2, {0, 0, 0, 40, 0, 400, 5, 5}}};
  r.io_profiles.emplace_back(r.rows[0].dir, profile);
  const std::string page = bench_html(r, checks);
  CHECK(well_formed(page));
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("http://") == std::string::npos);
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("said &lt;no&gt; &amp; &quot;never&quot;") != std::string::npos);
  CHECK(well_formed(svg_bars("t\"<", {{"a<", 0.5, 0.4, 0.6, "x", "atp"}, {"b", 5e6, 5e6, 5e6, "", "peer"}}, true)));
  CHECK(well_formed(svg_lines("t", {{"a", {{1, 1e-9}, {2, 1e9}}, "atp"}}, "x", {"y", ""}, true)));
  for (const char* text : {">met<", ">missed<", "not measured", "Reads by size", "Writes by size", "Shuffled, one molecule", "goals were not measured"}) {
    CAPTURE(text);
    CHECK(page.find(text) != std::string::npos);
  }
  for (const char* text : {"class=\"-\"", "shuffled reads by size"}) {  // the last: there is one size only
    CAPTURE(text);
    CHECK(page.find(text) == std::string::npos);
  }
  const std::string json = bench_json(r, checks);
  for (const char* text : {"\"goals\":[{", "\"required\":[{", "\"met\":false", "\"value\":null", "\"io_profile\":[{", "\"writes_by_size\":[{"}) {
    CAPTURE(text);
    CHECK(json.find(text) != std::string::npos);
  }
}

TEST_CASE("lines of one colour are told apart, and pictures have names for those who cannot see them") {
  const std::vector<std::pair<double, double>> points = {{1, 2}, {2, 3}};
  const std::string svg = svg_lines("over <atoms>", {{"a", points, "atp"}, {"b", points, "peer"}, {"c", points, "peer"}}, "x", {"y", ""}, true);
  CHECK(svg.find("aria-label=\"over &lt;atoms&gt;\"") != std::string::npos);
  CHECK(svg.find("<title>b</title>") != std::string::npos);
  std::size_t dashed = 0;
  for (std::size_t at = 0; (at = svg.find("stroke-dasharray", at)) != std::string::npos; ++at) ++dashed;
  CHECK(dashed == 1);
}

TEST_CASE("axes have numbers that can be read, apart from each other") {
  const std::string times = svg_lines("t", {{"a", {{1, 2e-5}, {2, 3e-3}}, "atp"}}, "x", {"", "s"}, true);
  CHECK(times.find(">100 µs<") != std::string::npos);
  CHECK(times.find(">1 ms<") != std::string::npos);
  const std::string bars = svg_bars("t\"<", {{"a", 8.36, 8.36, 8.36, "", "atp"}}, false);
  for (const char* mark : {">0<", ">2<", ">8<"}) CHECK(bars.find(mark) != std::string::npos);
  // Less than a decade has marks, too.
  CHECK(svg_lines("t", {{"a", {{1, 210}, {2, 480}}, "atp"}}, "x", {"y", ""}, true).find(">200<") == std::string::npos);
  CHECK(svg_lines("t", {{"a", {{1, 190}, {2, 680}}, "atp"}}, "x", {"y", ""}, true).find(">500<") != std::string::npos);
}

TEST_CASE("tables: narrow terminals, single values, what failed") {
  BenchResults r = some_results();
  r.rows[0].cpu_seconds = 5.8e-4;
  for (const char* workload : {"batch", "open"}) {
    BenchRow refused = r.rows.back();
    refused.workload = workload;
    r.rows.push_back(refused);
  }
  const std::string wide = bench_tables(r, 200), narrow = bench_tables(r, 40);
  CHECK(wide.find("no row: hdf5: shuffled, batch, open: said <no>") != std::string::npos);
  CHECK(wide.find("  time  ") != std::string::npos);
  CHECK(wide.find("(N): ") == std::string::npos);
  CHECK(wide.find(" 580 ") != std::string::npos);
  for (std::size_t at = narrow.find("atp is"); at < narrow.find("no row"); at = narrow.find('\n', at) + 1) CHECK(narrow.find('\n', at) - at <= 40);
  CHECK(narrow.find("shuffled") != std::string::npos);
  CHECK(narrow.find("open     time") != std::string::npos);
  // A store that holds fewer has a mark, which is explained.
  BenchResults marked = r;
  marked.rows[1].molecules = 64;
  marked.rows.push_back(row("atp", "size", {0.5}, BenchUnit::bytes_per_byte));
  const std::string with_marks = bench_tables(marked, 200);
  CHECK(with_marks.find("lmdb (64)") != std::string::npos);
  CHECK(with_marks.find("\n(N): it holds the first N molecules") != std::string::npos);
  CHECK(with_marks.find("bytes/value byte") != std::string::npos);
  CHECK(narrow.find("open") != std::string::npos);
  CHECK(bench_interval(row("atp", "shuffled", {281, 290})).empty());
  CHECK(bench_interval(row("atp", "size", {0.5}, BenchUnit::bytes_per_byte)).empty());
  CHECK(bench_interval(row("atp", "shuffled", {281.1, 281.2, 281.3})) == "281");
  CHECK(bench_number(580) == "580");
  CHECK(bench_number(0) == "0");
  CHECK(bench_number(1e-5) == "< 0.001");
  BenchResults one = some_results();
  for (BenchRow& row : one.rows) row.molecules = 1, row.atoms = 1, row.load = "1";
  one.rows[0].reruns = 1;
  CHECK(bench_tables(one, 200).find("1 atom: 1 molecule of 1 atom,") != std::string::npos);
  CHECK(bench_end(one, 200).find("1 trial was repeated") != std::string::npos);
}

TEST_CASE("sentences are broken for narrow terminals") {
  BenchResults r = some_results();
  r.rows.back().problem = "a reason that has so many words that no line of forty columns has room for all";
  r.left_out = {"py-hdf5: python3 has no module of that name, and neither has the one in /usr/bin"};
  r.notes = {"a note that is longer than forty columns, as most notes are"};
  r.footprint = estimate_footprint({10, 5, 2, 16'000'000'000, std::nullopt}, grids()[0]);
  r.grid = grids()[0].name;
  BenchChecks checks;
  checks.with_goals = true;
  checks.goals = check_goals(r);
  const std::string text = bench_tables(r, 40) + footprint_text(r, 40) + bench_end(r, 40);
  for (std::size_t begin = text.find("no row"); begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    CAPTURE(text.substr(begin, end - begin));
    CHECK(display_width(text.substr(begin, end - begin)) <= 40);
    begin = end + 1;
  }
  CHECK(goals_table(checks, r, 200).find("or what has no row or is left out") != std::string::npos);
  r.left_out.clear();
  r.rows.pop_back();
  CHECK(goals_table(checks, r, 200).find("left out") == std::string::npos);
}

TEST_CASE("a run that took longer than it was to says what took it") {
  BenchResults r = some_results();
  r.seconds = 6;
  r.spent = {{"starting backends", 3}, {"writing", 1}, {"seq", 0.1}, {"shuffled", 0.2}, {"batch", 0.3}};
  CHECK(overrun_sentence(r, 5).empty());
  const std::string text = overrun_sentence(r, 2);
  CHECK(text.find("--seconds 2") != std::string::npos);
  CHECK(text.find("(starting backends 3.00 s, writing 1.00 s, batch 0.30 s, shuffled 0.20 s)") != std::string::npos);
  BenchCommand command;
  CHECK(dispensable_workloads(command) == std::vector<std::string>{"workers", "cold-seq", "cold-batch"});
  command.require = {"atp workers-2 64 >= 1"};
  CHECK(dispensable_workloads(command) == std::vector<std::string>{"cold-seq", "cold-batch"});
  command.workloads = {"workers"};
  CHECK(dispensable_workloads(command).empty());
}

TEST_CASE("names that are no UTF-8 leave page and JSON what they are") {
  BenchResults r = some_results();
  r.mounts[0].folder = "/d\xff";
  for (BenchRow& row : r.rows) row.dir = r.mounts[0].folder;
  for (const std::string& said : {bench_html(r, {}), bench_json(r, {})}) {
    for (std::size_t at = 0; at < said.size();) REQUIRE(next_code_point(said, at));
    CHECK(said.find("/d\xEF\xBF\xBD") != std::string::npos);
  }
  // What JSON made of the name is found again.
  BenchChecks checks;
  hold_against(results_of_report(bench_json(r, {})), r, checks);
  CHECK(checks.changes.size() == 4);
}

TEST_CASE("footprints add up") {
  const Grid* world = find_grid("world");
  REQUIRE(world);
  const Footprint f = estimate_footprint({3600, 3600, 1, 0, std::nullopt}, *world);
  CHECK(f.joules == doctest::Approx(3600 * 12.0 * 1.67));
  CHECK(f.use.climate == doctest::Approx(12.0 * 1.67 / 1000 * 390));
  const Footprint measured = estimate_footprint({3600, 3600, 1, 0, 3.6e6}, *world);
  CHECK(measured.use.primary_energy == doctest::Approx(1.67 * 9.984));
  CHECK(measured.manufacture.climate > 0);
  CHECK_FALSE(find_grid("mars"));
  CHECK(footprint_sources(*world).find("Boavizta") != std::string::npos);
}

// The benchmark's arithmetic, what it reads from the system, and what it refuses. Nothing here depends on speed.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <random>

#include "cmd/bench.h"
#include "cmd/bench_svg.h"
#include "core/base/error.h"
#include "core/bench/child.h"
#include "core/bench/file_cache.h"
#include "core/bench/footprint.h"
#include "core/bench/load.h"
#include "core/bench/mount.h"
#include "core/bench/python.h"
#include "core/bench/requirement.h"
#include "core/bench/serve.h"
#include "core/bench/statistics.h"
#include "core/bench/stores.h"
#include "core/io/read_ring.h"
#include "tests/support/files.h"

using namespace atp;

namespace {

std::string refusal(const std::function<void()>& work, Exit exit) {
  try {
    work();
  } catch (const Error& e) {
    CHECK(e.exit() == exit);
    return e.what();
  }
  FAIL("nothing was refused");
  return {};
}

BenchRow row(std::string backend, std::string workload, std::vector<double> values, BenchUnit unit = BenchUnit::molecules_per_second) {
  BenchRow r;
  r.dir = "/d";
  r.load = "64";
  r.backend = std::move(backend);
  r.workload = std::move(workload);
  r.values = std::move(values);
  r.unit = unit;
  r.molecules = 1000;
  r.atoms = 64;
  r.payload = 1683;
  r.checked = true;
  summarise(r);
  return r;
}

BenchResults some_results() {
  BenchResults r;
  r.machine = this_machine();
  Mount m;
  m.folder = "/d";
  m.type = "ext4";
  r.mounts.push_back(m);
  r.rows = {row("atp", "shuffled", {400, 410, 390}), row("lmdb", "shuffled", {100, 101, 99}), row("atp", "open", {2e-5}, BenchUnit::seconds),
            row("lmdb", "open", {1e-5}, BenchUnit::seconds)};
  r.rows[0].latency.assign(kLatencyShares.size(), 2e-7);
  BenchRow refused = row("hdf5", "shuffled", {1});
  refused.values.clear();
  refused.problem = "said <no> & \"never\"";
  r.rows.push_back(refused);
  compare_with_atp(r.rows);
  return r;
}

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

TEST_CASE("percentiles interpolate as type 7 does") {
  const std::vector<double> v = {1, 2, 3, 4};
  CHECK(percentile(v, 0) == 1);
  CHECK(percentile(v, 1) == 4);
  CHECK(percentile(v, .5) == 2.5);
  CHECK(percentile(v, .25) == doctest::Approx(1.75));
  CHECK(std::isnan(percentile({}, .5)));
  CHECK(median(std::vector<double>{9, 1, 5}) == 5);
  CHECK(std::isnan(median({})));
  CHECK(spread(std::vector<double>{7}) == 0);
  CHECK(spread(std::vector<double>{1, 2, 3, 4, 5}) == doctest::Approx(2.0 / 3));
}

TEST_CASE("bootstrap intervals hold the median as often as they say") {
  // Of 200 samples of 25 normal numbers about 95 % of the intervals hold the true median; the percentile bootstrap of a
  // median is somewhat narrow or wide, so 88 to 99 %.
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(10, 2);
  int holds = 0;
  for (int sample = 0; sample < 200; ++sample) {
    std::vector<double> v(25);
    for (auto& x : v) x = normal(random);
    const Interval i = median_interval(v, static_cast<std::uint64_t>(sample));
    CHECK(i.low <= median(v));
    CHECK(median(v) <= i.high);
    holds += i.low <= 10 && 10 <= i.high;
  }
  CHECK(holds >= 176);
  CHECK(holds <= 198);
}

TEST_CASE("intervals of few, equal and skewed values") {
  CHECK(median_interval(std::vector<double>{5}).low == 5);
  CHECK(median_interval(std::vector<double>{5}).high == 5);
  CHECK(std::isnan(median_interval({}).low));
  const std::vector<double> equal(9, 3.0);
  CHECK(median_interval(equal).low == 3);
  CHECK(median_interval(equal).high == 3);
  // Exponential with rate 1: the median is ln 2.
  std::mt19937_64 random(3);
  std::exponential_distribution<double> exponential;
  std::vector<double> v(2001);
  for (auto& x : v) x = exponential(random);
  const Interval i = median_interval(v);
  CHECK(i.low < std::log(2));
  CHECK(i.high > std::log(2));
  CHECK(i.high - i.low < 0.15);
  const Interval same = median_interval(v);
  CHECK(i.low == same.low);
  CHECK(i.high == same.high);
  const Interval r = ratio_interval(v, equal);
  CHECK(r.low < std::log(2) / 3);
  CHECK(r.high > std::log(2) / 3);
}

TEST_CASE("file systems are told apart by number and by mountinfo") {
  CHECK(file_system_of_magic(0xEF53) == "ext4");
  CHECK(file_system_of_magic(0x58465342) == "xfs");
  CHECK(file_system_of_magic(0x01021994) == "tmpfs");
  CHECK(file_system_of_magic(0x6969) == "nfs");
  CHECK(file_system_of_magic(0x0BD00BD0) == "lustre");
  CHECK(file_system_of_magic(0x47504653) == "gpfs");
  CHECK(file_system_of_magic(0x19830326) == "beegfs");
  CHECK(file_system_of_magic(0x00C36400) == "ceph");
  CHECK(file_system_of_magic(0x65735546) == "fuse");
  CHECK(file_system_of_magic(1).empty());
  CHECK(is_network_type("lustre"));
  CHECK(is_network_type("nfs4"));
  CHECK(is_network_type("fuse.sshfs"));
  CHECK_FALSE(is_network_type("ext4"));
  CHECK_FALSE(is_network_type("fuse.ntfs"));

  constexpr std::string_view kInfo =
      "22 1 8:1 / / rw,relatime - ext4 /dev/root rw,errors=continue\n"
      "30 22 0:40 / /scratch rw,noatime shared:1 - lustre 10.0.0.1@tcp:/fs rw,flock,noatime\n"
      "31 22 0:41 / /scratch\\040two rw - nfs4 server:/x rw,vers=4.2\n"
      "32 22 0:42 / /s rw - tmpfs none rw\n"
      "broken line\n"
      "33 22 0:43 / /scratch rw - beegfs beegfs_nodev rw\n";
  CHECK(mount_line_for(kInfo, "/home/x")->type == "ext4");
  CHECK(mount_line_for(kInfo, "/scratch/a/b")->type == "beegfs");  // mounted over the other
  CHECK(mount_line_for(kInfo, "/scratch two/x")->source == "server:/x");
  CHECK(mount_line_for(kInfo, "/s")->type == "tmpfs");
  CHECK(mount_line_for(kInfo, "/sc")->type == "ext4");
  CHECK(mount_line_for("30 22 0:40 / /x rw,noatime - lustre a:/b rw,flock,noatime\n", "/x")->options == "rw,noatime,flock");
  CHECK_FALSE(mount_line_for("", "/x"));
  CHECK_FALSE(mount_line_for("1 2 3\n- - -\n", "/x"));
}

TEST_CASE("Lustre's layout attribute") {
  std::vector<std::byte> v(32);
  store<std::uint32_t>(v.data(), 0x0BD10BD0);
  store<std::uint32_t>(v.data() + 24, 1 << 20);
  store<std::uint16_t>(v.data() + 28, 4);
  CHECK(describe_lustre_layout(v) == "4 stripes of 1024 KiB");
  store<std::uint16_t>(v.data() + 28, 0xFFFF);
  CHECK(describe_lustre_layout(v) == "stripes on all targets of 1024 KiB");
  for (std::size_t n = 0; n < v.size(); ++n) CHECK(describe_lustre_layout(Bytes(v).first(n)).empty());
  store<std::uint32_t>(v.data(), 0x0BD60BD0);
  CHECK(describe_lustre_layout(v) == "progressive layout");
}

TEST_CASE("mounts that are there and that are not") {
  test::TempDir dir;
  const Mount m = mount_of(dir / ".");
  CHECK_FALSE(m.type.empty());
  CHECK(m.free_bytes > 0);
  CHECK(refusal([&] { mount_of(dir / "none"); }, Exit::input).find("none") != std::string::npos);
  test::write_text(dir / "file", "x");
  refusal([&] { mount_of(dir / "file"); }, Exit::input);
}

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
}

TEST_CASE("requirements: what is refused, and with what advice") {
  const auto said = [](const char* text) { return refusal([&] { parse_requirement(text); }, Exit::usage); };
  CHECK(said("atp/lmbd shuffled 64 >= 4").find("did you mean 'lmdb'?") != std::string::npos);
  CHECK(said("atp/lmdb shufled 64 >= 4").find("did you mean 'shuffled'?") != std::string::npos);
  for (const char* text : {"", ">=", "atp", "atp/lmdb shuffled 64 > 4", "atp/lmdb shuffled 64 >= x", "atp/lmdb shuffled 64 >= 4 5", "atp/lmdb shuffled >= 4",
                           "/ shuffled 64 >= 4", "atp/ shuffled 64 >= 4", "atp shuffled 6a >= 4", "atp shuffled 64 >= nan", "atp shuffled 64 >= -1", "atp workers 64 >= 1",
                           "atp workers- 64 >= 1", "atp shuffled 64 <", "atp shuffled 64 >= 1 >= 2"}) {
    CAPTURE(text);
    said(text);
  }
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

TEST_CASE("a report is read back as a baseline") {
  test::TempDir dir;
  const BenchResults r = some_results();
  test::write_text(dir / "old.json", bench_json(r, {}));
  const auto old = read_baseline(dir / "old.json");
  REQUIRE(old.size() == r.rows.size());
  for (std::size_t i = 0; i < old.size(); ++i) {
    CHECK(old[i].values == r.rows[i].values);
    CHECK(old[i].problem == r.rows[i].problem);
  }
  BenchResults faster = r;
  for (auto& v : faster.rows[0].values) v *= 2;
  summarise(faster.rows[0]);
  BenchChecks checks;
  checks.with_baseline = true;
  checks.changes = changes_since(old, faster);
  REQUIRE(checks.changes.size() == 4);
  CHECK(checks.changes[0].verdict == "better");
  CHECK(checks.changes[1].verdict == "same");
  const std::string text = changes_table(checks), json = bench_json(faster, checks), page = bench_html(faster, checks);
  for (const std::string* said : {&text, &json, &page}) {
    CHECK(said->find("better") != std::string::npos);
    CHECK(said->find("worse") == std::string::npos);
  }
  CHECK(text.find("2.000") != std::string::npos);
  CHECK(json.find("\"changes\":[{") != std::string::npos);
  CHECK(page.find("2.000") != std::string::npos);
  CHECK(bench_json(r, {}).find("changes") == std::string::npos);
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
  CHECK(well_formed(svg_bars({{"a<", 0.5, 0.4, 0.6, "x", "atp"}, {"b", 5e6, 5e6, 5e6, "", "peer"}}, true)));
  CHECK(well_formed(svg_lines({{"a", {{1, 1e-9}, {2, 1e9}}, "atp"}}, "x", {"y", ""}, true)));
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

TEST_CASE("axes have numbers that can be read, apart from each other") {
  const std::string times = svg_lines({{"a", {{1, 2e-5}, {2, 3e-3}}, "atp"}}, "x", {"", "s"}, true);
  CHECK(times.find(">100 µs<") != std::string::npos);
  CHECK(times.find(">1 ms<") != std::string::npos);
  const std::string bars = svg_bars({{"a", 8.36, 8.36, 8.36, "", "atp"}}, false);
  for (const char* mark : {">0<", ">2<", ">8<"}) CHECK(bars.find(mark) != std::string::npos);
  // Less than a decade has marks, too.
  CHECK(svg_lines({{"a", {{1, 210}, {2, 480}}, "atp"}}, "x", {"y", ""}, true).find(">200<") == std::string::npos);
  CHECK(svg_lines({{"a", {{1, 190}, {2, 680}}, "atp"}}, "x", {"y", ""}, true).find(">500<") != std::string::npos);
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
  CHECK(wide.find(" 580 ") != std::string::npos);
  for (std::size_t at = narrow.find("atp is"); at < narrow.find("no row"); at = narrow.find('\n', at) + 1) CHECK(narrow.find('\n', at) - at <= 40);
  CHECK(narrow.find("shuffled") != std::string::npos);
  CHECK(narrow.find("open") != std::string::npos);
  CHECK(bench_interval(row("atp", "size", {0.5}, BenchUnit::bytes_per_byte)).empty());
  CHECK(bench_interval(row("atp", "shuffled", {281.1, 281.2, 281.3})) == "281");
  CHECK(bench_number(580) == "580");
  CHECK(bench_number(0) == "0");
  CHECK(bench_number(1e-5) == "< 0.001");
  BenchResults one = some_results();
  for (BenchRow& row : one.rows) row.molecules = 1, row.atoms = 1, row.load = "1";
  one.rows[0].reruns = 1;
  CHECK(bench_tables(one, 200).find("1 atom: 1 molecule of 1 atom,") != std::string::npos);
  CHECK(bench_end(one).find("1 trial was repeated") != std::string::npos);
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

TEST_CASE("every store gives back what was written, and a checksum tells") {
  test::TempDir dir;
  // Sizes that vary, one molecule without atoms.
  const auto load = synthetic_load(700, {3, 12, 0, 40, 7}, 5, true);
  std::vector<std::uint64_t> order = random_order(load->size(), 1);
  order.push_back(order[0]);
  for (const Backend& backend : backends()) {
    CAPTURE(backend.name);
    if (!backend.make || !backend.missing.empty() || (backend.name == "disk" && !ReadRing::available())) continue;
    std::filesystem::create_directory(dir / backend.name);
    auto store = backend.make(dir / backend.name);
    store->set_custom(load->custom());
    StoreShape shape{load->size(), 0, 0};
    for (std::uint64_t i = 0; i < load->size(); ++i) {
      shape.atoms += load->atoms(i);
      shape.payload += load->payload(load->atoms(i));
    }
    try {
      store->begin(shape);
    } catch (const Error& e) {
      MESSAGE(std::string(backend.name) << ": " << e.what());  // a library that is not there
      continue;
    }
    MoleculeChunk chunk;
    for (std::uint64_t i = 0; i < load->size(); ++i) {
      load->add(i, chunk);
      if (chunk.size() == 256 || i + 1 == load->size()) {
        store->add(chunk.molecules());
        chunk.clear();
      }
    }
    store->finish();
    CHECK_FALSE(store->files().empty());
    store->open();
    ExpectedSums expected(*load);
    Ticks ticks;
    const std::uint64_t one = store->one_by_one(order, &ticks), batches = store->in_batches(order, 64, nullptr);
    std::vector<std::uint64_t> run(300);
    std::iota(run.begin(), run.end(), std::uint64_t{150});
    const std::uint64_t seq = store->sequential(150, 300, nullptr);
    CHECK((ticks.seconds().size() == order.size() || backend.name == "atp-2threads"));
    if (backend.sums) {
      CHECK(one == expected.of(order, 1));
      CHECK(batches == expected.of(order, 64));
      CHECK(seq == expected.of(run, 1));
      std::swap(order[0], order[1]);
      CHECK(store->one_by_one(order, nullptr) == expected.of(order, 1));
      CHECK(store->one_by_one(order, nullptr) != one);
      std::swap(order[0], order[1]);
    }
    store->close();
  }
}

TEST_CASE("sizes follow a dataset at any scale") {
  const std::vector<std::uint32_t> sizes = {10, 10, 90, 90};
  const auto load = synthetic_load(1000, sizes, 0, false);
  CHECK(load->atoms(0) == 10);
  CHECK(load->atoms(499) == 10);
  CHECK(load->atoms(500) == 90);
  CHECK(load->atoms(999) == 90);
  CHECK(load->payload(10) == 25 * 10 + 83);
}

TEST_CASE("a budget is shared by weight and runs out") {
  Budget budget(10, 4);
  CHECK(budget.take(1) == doctest::Approx(2.5).epsilon(0.01));
  CHECK(budget.take(3) == doctest::Approx(10).epsilon(0.01));  // the first took no time
  CHECK(budget.take(1) == 0);
  Budget none(0, 1);
  CHECK(none.take(1) == 0);
}

TEST_CASE("measuring processes: answers, errors and deaths") {
  const auto load = synthetic_load(10, {2}, 0, false);
  test::TempDir dir;
  Child child = Child::fork([&](int socket) { serve_store(socket, [&] { return find_backend("atp")->make(dir / "."); }, *load); });
  CHECK(child.ask("write 10 5", 20).count("molecules") == 10);
  refusal([&] { child.ask("nonsense", 20); }, Exit::system);
  refusal([&] { child.ask("pass one 0 99 1 0", 20); }, Exit::system);
  refusal([&] { child.ask("order " + (dir / "none"), 20); }, Exit::system);
  CHECK(child.ask("open", 20).has("seconds"));
  Child gone = Child::fork([](int) {});
  CHECK(refusal([&] { gone.receive(20); }, Exit::system).find("ended") != std::string::npos);
  Child silent = Child::fork([](int socket) {
    Commands commands(socket);
    for (std::vector<std::string> words; commands.next(words);) {
    }
  });
  CHECK(refusal([&] { silent.ask("open", 0.2); }, Exit::system).find("no answer") != std::string::npos);
  refusal([] { Answer("what"); }, Exit::system);
  refusal([] { (void)Answer("ok a x").real("a"); }, Exit::system);
  refusal([] { (void)Answer("ok a 1").count("b"); }, Exit::system);
}

TEST_CASE("a Python that hangs or lacks a module is named, and not asked again") {
  test::TempDir dir;
  const auto program = [&](const char* name, const std::string& script) {
    test::write_text(dir / name, "#!/bin/sh\necho x >>" + (dir / name) + ".asked\n" + script + "\n");
    std::filesystem::permissions(dir / name, std::filesystem::perms::owner_all);
    return std::string(dir / name);
  };
  const std::string hangs = program("hangs", "exec sleep 60"), lacks = program("lacks", "echo error it has no module");
  Pythons pythons({hangs, lacks}, 1);
  std::vector<std::pair<std::string, std::string>> versions;
  for (const char* backend : {"py-hdf5", "py-lmdb-pickle", "py-hdf5"}) {
    const std::string said = refusal([&] { (void)pythons.start(backend, dir / ".", dir / "raw", false, versions); }, Exit::system);
    CHECK(said.find(hangs + ": no answer within") != std::string::npos);
  }
  CHECK(std::filesystem::file_size(dir / "hangs.asked") == 2);  // once, though there were two backends
  Pythons lacking({lacks}, 60);
  for (const char* backend : {"py-hdf5", "py-lmdb-pickle", "py-hdf5"}) {
    CHECK(refusal([&] { (void)lacking.start(backend, dir / ".", "", false, versions); }, Exit::system).find(lacks + ": it has no module") != std::string::npos);
  }
  CHECK(refusal([&] { (void)Pythons({dir / "none"}, 60).start("py-hdf5", dir / ".", "", false, versions); }, Exit::system).find("there is no") != std::string::npos);
}

TEST_CASE("the page cache is looked at without filling it") {
  test::TempDir dir;
  test::write_bytes(dir / "f", std::vector<std::byte>(1 << 20));
  test::write_bytes(dir / "empty", {});
  read_into_cache({dir / "f"});
  CHECK(resident_share({dir / "f"}) == 1);
  CHECK(resident_share({dir / "empty"}) == 0);
  const double left = drop_from_cache({dir / "f"});
  CHECK(left <= 1);
  CHECK(resident_share({dir / "f"}) == left);
  refusal([&] { (void)resident_share({dir / "none"}); }, Exit::input);
}

TEST_CASE("the counters of a block device") {
  const auto c = parse_device_counters("  10 2 800 5 3 1 64 7 0 40 90 0 0 0 0 1 2\n");
  REQUIRE(c);
  CHECK(c->reads == 10);
  CHECK(c->sectors_written == 64);
  CHECK(c->queue_ms == 90);
  CHECK_FALSE(parse_device_counters("1 2 3"));
  CHECK_FALSE(parse_device_counters(""));
  IoProfile p;
  p.moments = {{0.1, *c}, {0.2, {}}, {0.4, *c}};
  CHECK(p.total().reads == 20);
  CHECK(p.merged_share() == doctest::Approx(4.0 / 24));
  CHECK(p.concurrency() == doctest::Approx(90.0 / 40));
  CHECK(p.by_size(IoWay::read)[4] == 20);  // 80 sectors, 40 KiB: 32 to 63
  const auto rates = p.rates(IoWay::read, 2);
  CHECK(rates[0] == doctest::Approx(800 * 512 / 0.2));
  CHECK(p.by_size(IoWay::write)[2] == 6);  // 64 sectors of 3 writes, 10 KiB each: 8 to 15
  CHECK_FALSE(IoSampler("no:device").works());
}

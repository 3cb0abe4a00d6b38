// How a benchmark measures: statistics, mounts, stores and processes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <numeric>
#include <random>

#include "cmd/bench.h"
#include "core/base/error.h"
#include "core/bench/child.h"
#include "core/bench/file_cache.h"
#include "core/bench/load.h"
#include "core/bench/mount.h"
#include "core/bench/python.h"
#include "core/bench/serve.h"
#include "core/bench/session.h"
#include "core/bench/statistics.h"
#include "core/bench/stores.h"
#include "core/io/read_ring.h"
#include "tests/support/files.h"
#include "tests/support/refusal.h"

using namespace atp;
using test::refusal;

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
  // One or two values say nothing of how much others would differ.
  for (const std::vector<double>& few : {std::vector<double>{}, {5}, {5, 6}}) {
    CHECK_FALSE(median_interval(few).known());
    CHECK_FALSE(ratio_interval(few, std::vector<double>{1, 2, 3}).known());
    CHECK_FALSE(ratio_interval(std::vector<double>{1, 2, 3}, few).known());
  }
  CHECK(median_interval(std::vector<double>{5, 6, 7}).known());
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

TEST_CASE("every store gives back what was written, and a checksum tells") {
  test::TempDir dir;
  // Sizes that vary, one molecule without atoms.
  const auto load = synthetic_load(700, {3, 12, 0, 40, 7}, 5, true);
  std::vector<std::uint64_t> order = random_order(load->size(), 1);
  order.resize(load->size() + 1);  // one of them twice
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
    CHECK((ticks.seconds().size() == order.size() || backend.name.ends_with("-2threads")));
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

TEST_CASE("few molecules are read again and again, and every pass is checked") {
  const auto order = random_order(1000, 3);
  REQUIRE(order.size() == 66000);
  std::vector<std::uint64_t> some(order.begin() + 5000, order.begin() + 6000);
  CHECK_FALSE(std::equal(some.begin(), some.end(), order.begin()));
  std::sort(some.begin(), some.end());
  for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(some[i] == i);
  CHECK(random_order(0, 0).empty());
  CHECK(random_order(70000, 0).size() == 70000);

  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
  for_each_run(8, 15, 10, [&](std::uint64_t from, std::uint64_t count) { runs.emplace_back(from, count); });
  CHECK(runs == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{8, 2}, {0, 10}, {0, 3}});

  test::TempDir dir;
  const auto load = synthetic_load(10, {2}, 0, false);
  std::vector<const Backend*> some_backends;
  for (const char* name : {"atp", "lmdb", "sqlite", "atp-2threads", "map"}) some_backends.push_back(find_backend(name));
  SessionOptions options;
  options.folder = dir / ".";
  options.load_name = "2";
  options.backends = some_backends;
  options.workloads = {"seq", "shuffled", "batch"};
  options.trials = 3;
  Budget budget(0.2, session_weight(options));
  Pythons pythons;
  BenchResults results;
  measure(options, *load, budget, pythons, results);
  for (const BenchRow& row : results.rows) {
    CAPTURE(row.backend);
    CAPTURE(row.workload);
    CHECK(row.problem.find("checksum") == std::string::npos);
    CHECK(row.problem.find("pass") == std::string::npos);
  }
  for (const char* workload : {"seq", "shuffled", "batch"}) {
    const BenchRow* row = find_row(results.rows, "", "2", "atp", workload);
    REQUIRE(row);
    CHECK(row->per_trial > 10);
    CHECK(row->checked);
  }
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
  refusal([&] { child.ask("order " + (dir / "none") + " 10", 20); }, Exit::system);
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

namespace {

// Killed by the system as soon as it reads.
class KilledStore : public Store {
 public:
  void begin(const StoreShape&) override {}
  void add(std::span<const Molecule>) override {}
  void finish() override {}
  void open() override {}
  void close() override {}
  std::uint64_t one_by_one(std::span<const std::uint64_t>, Ticks*) override {
    ::raise(SIGKILL);
    return 0;
  }
  std::uint64_t in_batches(std::span<const std::uint64_t>, std::size_t, Ticks*) override { return 0; }
  std::uint64_t sequential(std::uint64_t, std::uint64_t, Ticks*) override { return 0; }
  std::vector<std::string> files() const override { return {}; }
};

}  // namespace

TEST_CASE("a measuring process that the system kills is told, and the others are measured") {
  test::TempDir dir;
  const auto load = synthetic_load(100, {2}, 0, false);
  const Backend killed{"killed", BackendKind::peer, "", [](const std::string&) -> std::unique_ptr<Store> { return std::make_unique<KilledStore>(); }, ""};
  std::vector<std::string> told;
  SessionOptions options;
  options.folder = dir / ".";
  options.load_name = "2";
  options.backends = {&killed, find_backend("atp")};
  options.workloads = {"shuffled"};
  options.trials = 1;
  options.failed = [&](std::string_view backend, std::string_view workload, std::string_view why) { told.push_back(fmt::format("{}: {}: {}", backend, workload, why)); };
  Budget budget(0.1, session_weight(options));
  Pythons pythons;
  BenchResults results;
  measure(options, *load, budget, pythons, results);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("killed: ") == 0);
  CHECK(told[0].find("was killed by signal 9") != std::string::npos);
  CHECK(find_row(results.rows, "", "2", "atp", "shuffled"));
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

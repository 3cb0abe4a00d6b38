// Power cuts and failing disks at every step of a writer: the old generation or the new one, whole.
// ATP_CRASH_STATES sets how many random states are tried at each step; sanitizer builds try fewer.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <unordered_set>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/parallel.h"
#include "tests/crash/simulated_disk.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

using namespace atp;
using test::FileBytes;
using test::SimulatedDisk;

namespace {

const std::string kPath = "x.atp";
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

int random_states() {
  if (const char* n = std::getenv("ATP_CRASH_STATES")) return std::atoi(n);
#ifdef ATP_SANITIZED
  return 4;
#else
  return 40;
#endif
}

// ---- what is written ----------------------------------------------------------------------------

// What the file holds after one commit; nothing: there is no file.
struct Generation {
  std::uint64_t committed_at = kNever;  // steps after which it must be there
  bool exists = true;
  std::vector<FileBytes> records{};     // as stored
  std::string metadata{};
};

struct Plan {
  std::string name;
  bool append = false;
  bool overwrite = false;           // create: over an old file
  Codec codec{};
  bool extension = true;
  int jobs = 1;
  std::vector<int> commits = {2};   // batches in each
  std::size_t buffer_bytes = 2000;  // so that a commit is several writes
  std::size_t tail = 0;             // append: bytes that a killed writer left behind the last commit
  bool swapped = false;             // append: the slots stand in each other's place
};

std::vector<Structure> structures(std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<Structure> out(static_cast<std::size_t>(count));
  for (auto& s : out) test::fill_random(s, random, true);
  return out;
}

void remember(const EncodedRecords& batch, Generation& generation) {
  std::size_t at = 0;
  for (const auto& e : batch.entries) {
    const auto begin = batch.bytes.begin() + static_cast<std::ptrdiff_t>(at);
    generation.records.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(e.stored));
    at += e.stored;
  }
}

// Batches encoded on the plan's threads and added in order.
void add_batches(Writer& writer, const Plan& plan, int count, std::uint64_t seed, Generation& generation) {
  int produced = 0;
  ordered_parallel<int, EncodedRecords>(
      plan.jobs, [&] { return produced == count ? nullptr : std::make_unique<int>(produced++); },
      [&](int& i) {
        RecordEncoder encoder(writer.codec());
        EncodedRecords batch;
        for (auto& s : structures(seed + static_cast<std::uint64_t>(i), 5)) (void)encoder.add(s, batch);
        return batch;
      },
      [&](EncodedRecords&& batch) {
        remember(batch, generation);
        writer.add(batch);
      });
}

// Runs the plan. `generations` begins with what the disk holds and gets what each commit tries to make.
void run(const Plan& plan, SimulatedDisk& disk, std::vector<Generation>& generations) {
  WriterOptions options;
  options.codec = plan.codec;
  options.overwrite = plan.overwrite;
  options.extension = plan.extension;
  options.cut_tail_of_damaged = true;
  options.buffer_bytes = plan.buffer_bytes;
  const Generation before = generations.back();
  if (!plan.append) generations.push_back({});
  Writer writer = plan.append ? Writer::append(kPath, options, disk) : Writer::create(kPath, options, disk);
  for (std::size_t c = 0; c < plan.commits.size(); ++c) {
    if (plan.append) {
      generations.push_back(generations.back());
      generations.back().committed_at = kNever;
    }
    Generation& now = generations.back();
    add_batches(writer, plan, plan.commits[c], 100 * generations.size() + before.records.size(), now);
    now.metadata = plan.extension ? "{\"commit\":" + std::to_string(c) + "}" : "";
    writer.set_metadata(now.metadata);
    const bool last = c + 1 == plan.commits.size();
    last ? writer.finish() : writer.commit();
    if (plan.append || last) now.committed_at = disk.steps();
  }
}

// ---- what is left -------------------------------------------------------------------------------

bool holds(const std::optional<FileBytes>& file, const Generation& g) {
  if (!file) return !g.exists;
  if (!g.exists) return false;
  try {
    const Reader reader(kPath, *file);
    if (reader.size() != g.records.size() || reader.metadata() != g.metadata) return false;
    reader.check_index();
    Scratch scratch;
    for (std::uint64_t i = 0; i < reader.size(); ++i) {
      const Bytes stored = reader.stored(i);
      if (!std::equal(stored.begin(), stored.end(), g.records[i].begin(), g.records[i].end())) return false;
      reader.verified_record(i, scratch).check();
    }
    return true;
  } catch (const Error&) {
    return false;
  }
}

struct Counts {
  std::uint64_t states = 0, different = 0, faults = 0;
};

// Looks at states; each different one is read once.
class Judge {
 public:
  Judge(const std::vector<Generation>& generations, Counts& counts) : generations_(generations), counts_(counts) {}

  // The newest generation committed when `steps` were done, or the one in the making; nothing older.
  bool fits(const std::optional<FileBytes>& file, std::uint64_t steps) {
    ++counts_.states;
    std::size_t newest = 0;
    for (std::size_t i = 0; i < generations_.size(); ++i) {
      if (generations_[i].committed_at <= steps) newest = i;
    }
    const std::uint64_t hash = (file ? xxh3(*file) : 1) + newest;
    if (good_.contains(hash)) return true;
    ++counts_.different;
    const bool good = holds(file, generations_[newest]) ||
                      (newest + 1 < generations_.size() && holds(file, generations_[newest + 1]));
    if (good) good_.insert(hash);
    return good;
  }

 private:
  const std::vector<Generation>& generations_;
  Counts& counts_;
  std::unordered_set<std::uint64_t> good_;
};

// The power goes after each step. Returns some of the states, for what comes after.
std::vector<FileBytes> cut_everywhere(const SimulatedDisk& disk, const std::vector<Generation>& generations, int random_count,
                                      Counts& counts) {
  std::mt19937_64 random(7);
  Judge judge(generations, counts);
  std::vector<FileBytes> left;
  std::uint64_t bad = 0;
  for (std::uint64_t steps = 0; steps <= disk.steps(); ++steps) {
    disk.power_cut(steps, kPath, random, random_count, [&](const std::optional<FileBytes>& file) {
      const bool good = judge.fits(file, steps);
      if (!good && bad++ == 0) FAIL_CHECK("a power cut after step ", steps, " of ", disk.steps(), " leaves neither generation");
      if (good && file && random() % 64 == 0) left.push_back(*file);
    });
  }
  CHECK(bad == 0);
  return left;
}

// The disk a plan begins with: what made it lies in the past.
SimulatedDisk disk_for(const Plan& plan, std::vector<Generation>& generations) {
  SimulatedDisk disk;
  if (!plan.append && !plan.overwrite) {
    generations = {{0, false}};
    return disk;
  }
  SimulatedDisk old;
  std::vector<Generation> made = {{0, false}};
  Plan creation;
  creation.codec = plan.codec;
  creation.extension = plan.extension;
  run(creation, old, made);
  FileBytes file = old.files().at(kPath);
  file.resize(file.size() + plan.tail, std::byte{0x5a});
  if (plan.swapped) std::swap_ranges(file.begin(), file.begin() + kSlotBytes, file.begin() + kSlotBytes);
  disk.put(kPath, file);
  generations = {made.back()};
  generations[0].committed_at = 0;
  return disk;
}

// The generation that a file left by a power cut holds.
Generation generation_of(const FileBytes& file) {
  const Reader reader(kPath, file);
  Generation g{0, true, {}, std::string(reader.metadata())};
  for (std::uint64_t i = 0; i < reader.size(); ++i) g.records.emplace_back(reader.stored(i).begin(), reader.stored(i).end());
  return g;
}

// The next run appends to what was left, and the power goes again.
void append_to(const FileBytes& file, Counts& counts, std::vector<int> commits = {1, 1}) {
  Plan plan;
  plan.append = true;
  plan.commits = std::move(commits);
  std::vector<Generation> generations = {generation_of(file)};
  SimulatedDisk disk;
  disk.put(kPath, file);
  run(plan, disk, generations);
  CHECK(holds(disk.files().at(kPath), generations.back()));
  cut_everywhere(disk, generations, 2, counts);
}

std::vector<Plan> plans() {
  const Codec none{}, zstd{CodecId::zstd, 1}, lz4{CodecId::lz4, 0};
  std::vector<Plan> all;
  for (const int jobs : {1, 2}) {
    const std::string threads = jobs == 1 ? ", 1 thread" : ", 2 threads";
    all.push_back({"create" + threads, false, false, none, true, jobs, {4}});
    all.push_back({"create over an old file" + threads, false, true, zstd, true, jobs, {3}});
    all.push_back({"append" + threads, true, false, none, true, jobs, {4}});
    all.push_back({"append, several commits" + threads, true, false, lz4, true, jobs, {2, 0, 1}});
  }
  all.push_back({"create, several commits", false, false, none, true, 1, {1, 2, 0}});
  all.push_back({"create, nothing in it", false, false, none, true, 1, {0}});
  all.push_back({"create without extension", false, false, none, false, 1, {2}});
  all.push_back({"append nothing", true, false, none, true, 1, {0}});
  all.push_back({"append without extension", true, false, zstd, false, 1, {2, 1}});
  all.push_back({"append in one write", true, false, none, true, 1, {3}, 1 << 20});
  all.push_back({"append behind a tail", true, false, none, true, 1, {2, 1}, 2000, 3000});
  all.push_back({"append with swapped slots", true, false, none, true, 1, {1, 1}, 2000, 0, true});
  return all;
}

struct NamedFault {
  const char* name;
  SimulatedDisk::Fault fault;
};

const NamedFault kFaults[] = {
    {"no space", {ENOSPC, 0, false}},
    {"no space in the middle of a write", {ENOSPC, 0.5, false}},
    {"quota", {EDQUOT, 0.9, false}},
    {"an error that comes too late", {EIO, 1, false}},
    {"a disk that is gone", {EIO, 0.3, true}},
};

// Runs the plan with step `step` failing. Returns whether it was reached.
bool run_with_fault(const Plan& plan, std::uint64_t step, const NamedFault& f, Counts& counts) {
  CAPTURE(plan.name);
  CAPTURE(f.name);
  CAPTURE(step);
  std::vector<Generation> generations;
  SimulatedDisk disk = disk_for(plan, generations);
  disk.fail_at(step, f.fault);
  try {
    run(plan, disk, generations);
    return false;
  } catch (const Error& e) {
    ++counts.faults;
    CHECK(e.exit() == Exit::system);
    const std::string said = e.what();
    CHECK(said.find(": cannot ") != std::string::npos);
    CHECK((said.find(kPath) != std::string::npos || said.find("folder") != std::string::npos));
  }
  const auto files = disk.files();
  for (const auto& [path, bytes] : files) CHECK(path == kPath);  // no temporary file
  const auto target = files.contains(kPath) ? std::optional(files.at(kPath)) : std::nullopt;
  Judge judge(generations, counts);
  CHECK(judge.fits(target, disk.steps()));
  cut_everywhere(disk, generations, random_states() / 10, counts);
  if (target && step % 3 == 0) append_to(*target, counts);
  return true;
}

}  // namespace

TEST_CASE("power cut at every step") {
  Counts counts;
  std::mt19937_64 random(11);
  for (const Plan& plan : plans()) {
    CAPTURE(plan.name);
    std::vector<Generation> generations;
    SimulatedDisk disk = disk_for(plan, generations);
    run(plan, disk, generations);
    CHECK(holds(disk.files().at(kPath), generations.back()));
    auto left = cut_everywhere(disk, generations, random_states(), counts);
    std::shuffle(left.begin(), left.end(), random);
    left.resize(std::min<std::size_t>(left.size(), static_cast<std::size_t>(random_states() / 4)));
    for (const auto& file : left) append_to(file, counts);
  }
  MESSAGE("crash test: ", counts.states, " states, ", counts.different, " of them different");
  CHECK(counts.states > 5000);
}

TEST_CASE("every step fails in turn") {
  Counts counts;
  for (const Plan& plan : plans()) {
    for (const auto& fault : kFaults) {
      for (std::uint64_t step = 0; run_with_fault(plan, step, fault, counts); ++step) {
      }
    }
  }
  MESSAGE("fault test: ", counts.faults, " faults, ", counts.states, " states after them");
  CHECK(counts.faults > 200);
}

// A slot that names blocks behind the end of the file is refused, until the file has grown over them.
TEST_CASE("a slot that is too long for its file never becomes valid by appending") {
  Plan plan;
  plan.append = true;
  plan.commits = {1, 4};
  std::vector<Generation> generations;
  SimulatedDisk first = disk_for(plan, generations);
  run(plan, first, generations);
  FileBytes cut = first.files().at(kPath);  // two commits later; then its end is lost
  const Reader whole(kPath, cut);
  cut.resize(whole.slot().index_offset - 100);
  Counts counts;
  append_to(cut, counts, {12});
  MESSAGE("stale slot: ", counts.states, " states");
}

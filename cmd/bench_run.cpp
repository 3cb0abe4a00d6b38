// `atp bench`: the runs on all mounts, and what becomes of their results.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <mutex>

#include "cmd/bench.h"
#include "cmd/bench_ranks.h"
#include "cmd/counted.h"
#include "cmd/dataset_warnings.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/interrupt.h"
#include "core/bench/counters.h"
#include "core/bench/load.h"
#include "core/bench/stores.h"
#include "core/io/output_file.h"
#include "core/mpi/ranks.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUsualBytes = 96'000'000;  // of values in each store: more than the usual caches hold
// What all stores of one load take at a time, over the bytes of values: fast ones hold all of them, slow ones what they
// can write in their time.
constexpr double kBytesPerStore = 1.5;

// A folder that goes with the object, and all that is in it.
class BenchFolder {
 public:
  explicit BenchFolder(const std::string& dir) : path_((fs::path(dir) / fmt::format("atp-bench-{}-XXXXXX", ::getpid())).string()) {
    if (!::mkdtemp(path_.data())) fail_system(dir, "make a folder", errno);
    name_leftovers(dir);
  }
  ~BenchFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  // Folders of runs that were killed.
  static void name_leftovers(const std::string& dir) {
    std::error_code error;
    for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      int process = 0;
      if (std::sscanf(name.c_str(), "atp-bench-%d-", &process) != 1 || process <= 0) continue;
      if (is_gone(process)) warn(fmt::format("{}: left by a run that was killed; remove it with rm -r", at->path().string()));
    }
  }

  static constexpr double kPatience = 10;  // seconds

  CleansUpAfterInterrupts cleans_up_{kPatience};
  std::string path_;
};

struct NamedLoad {
  std::string name;
  std::unique_ptr<Load> load;
};

class BenchRun {
 public:
  BenchRun(const BenchCommand& command, Ranks& ranks) : command_(command), ranks_(ranks) {}

  BenchResults run() {
    results_.options = options_of_run();
    results_.machine = this_machine();
    results_.versions = library_versions();
    results_.versions.insert(results_.versions.begin(), {"atp", std::string(version())});
    for (const auto& dir : dirs()) results_.mounts.push_back(mount_of(dir));
    make_loads();
    if (in_place()) say_what_needs_a_dir();
    const double start = now_seconds();
    const auto busy = busy_cpu_seconds();
    EnergyMeter meter;
    const double weight = session_weight(options_for(nullptr, {})) * static_cast<double>(loads_.size() * results_.mounts.size());
    Budget budget(command_.seconds, weight);
    ProgressDetails shown;
    shown.seconds = command_.seconds;
    shown.now = [this] {
      std::lock_guard lock(mutex_);
      return now_;
    };
    Progress progress("measuring", 0, false, shown);
    for (const Mount& mount : std::vector<Mount>(results_.mounts)) {
      std::optional<IoSampler> sampler;
      if (command_.io_profile) sampler.emplace(mount.device);
      for (const NamedLoad& load : loads_) {
        run_one(mount, load, budget);
        (void)meter.joules();
      }
      if (sampler && sampler->works()) {
        results_.io_profiles.emplace_back(mount.folder, sampler->stop());
      } else if (sampler) {
        results_.notes.push_back(fmt::format("{}: no I/O profile: {} is on no block device", mount.folder, mount.type));
      }
    }
    results_.seconds = now_seconds() - start;
    results_.cpu_seconds = own_cpu_seconds();
    if (const auto now = busy_cpu_seconds(); busy && now) {
      results_.foreign_cpu = std::max(0.0, (*now - *busy - results_.cpu_seconds) / results_.seconds);
    }
    if (command_.footprint) {
      Usage usage{results_.seconds, results_.cpu_seconds, results_.machine.cpus, results_.machine.memory_bytes, std::nullopt};
      if (meter.works()) usage.measured_joules = meter.joules();
      results_.grid = command_.grid;
      results_.footprint = estimate_footprint(usage, *find_grid(command_.grid));
    }
    say_what_time_went_to();
    compare_with_atp(results_.rows);
    return std::move(results_);
  }

 private:
  std::vector<std::string> dirs() const {
    if (!command_.dirs.empty()) return command_.dirs;
    if (in_place()) return {fs::path(files_of_dataset()[0]).parent_path().empty() ? "." : fs::path(files_of_dataset()[0]).parent_path().string()};
    return {"."};
  }
  std::uint64_t seed() const { return command_.seed.value_or(0); }
  bool in_place() const { return measured_in_place(command_); }
  std::vector<std::string> files_of_dataset() const { return dataset_files_of(command_.datasets); }

  void make_loads() {
    if (!command_.datasets.empty()) {
      dataset_.emplace(command_.datasets);
      warn_of_older_generations(*dataset_);
      warn_of_missing_shards(command_.datasets);
      if (dataset_->size() == 0) fail_input(command_.datasets[0], "holds no records", "measure a dataset that has some");
      loads_.push_back({"dataset", dataset_load(*dataset_)});
    } else if (!command_.like.empty()) {
      std::vector<std::uint32_t> sizes = sizes_of(command_.like);
      double mean = 0;
      for (const auto s : sizes) mean += s;
      mean /= static_cast<double>(sizes.size());
      loads_.push_back({"like", synthetic_load(records_for(mean), std::move(sizes), seed(), command_.custom)});
    } else {
      for (const auto n : command_.atoms) {
        loads_.push_back({std::to_string(n), synthetic_load(records_for(n), {n}, seed(), command_.custom)});
      }
    }
  }

  // What was asked for by name and cannot be is named; what was not is one note.
  void say_what_needs_a_dir() {
    for (const auto& name : command_.backends) {
      if (!reads_in_place(*find_backend(name))) results_.left_out.push_back(name + ": reads no .atp files; with --dir DIR the records are copied for it");
    }
    if (const auto& asked = command_.workloads; std::find(asked.begin(), asked.end(), "write") != asked.end()) {
      results_.left_out.push_back("write: nothing is written where a dataset lies; with --dir DIR its records are written there");
    }
    if (command_.backends.empty()) results_.notes.push_back("other formats hold the same records, and are compared, with --dir DIR");
  }

  void say_what_time_went_to() {
    for (const std::string& workload : dispensable_workloads(command_)) {
      std::string named;
      std::size_t without = 0;
      for (const NamedLoad& load : loads_) {
        const auto at = results_.had_time.find({workload, load.name});
        if (at == results_.had_time.end() || at->second) continue;
        named += (named.empty() ? ", " : " and ") + bench_load_name(load.name);
        ++without;
      }
      if (without == 0) continue;
      if (without == loads_.size()) named.clear();
      results_.left_out.push_back(fmt::format("{}{}: there is no time for it; pass more --seconds, or name it with --workloads", workload, named));
    }
    if (results_.trials_left_out > 0) results_.notes.push_back(fmt::format("{} left out, as their shares of --seconds {} were used up", counted(results_.trials_left_out, "trial"), command_.seconds));
    if (const std::string text = overrun_sentence(results_, command_.seconds); !text.empty()) results_.notes.push_back(text);
  }

  static std::vector<std::uint32_t> sizes_of(const std::string& like) {
    const Dataset dataset({like});
    warn_of_older_generations(dataset);
    if (dataset.size() == 0) fail_input(like, "holds no records", "name a dataset that has some");
    std::vector<std::uint32_t> sizes(dataset.size());
    for (std::size_t s = 0; s < dataset.shards().size(); ++s) {
      const Reader& shard = dataset.shards()[s];
      shard.atom_counts(std::span(sizes).subspan(dataset.start_of(s), shard.size()));
    }
    return sizes;
  }

  std::uint64_t records_for(double atoms) const {
    if (command_.records) return *command_.records;
    return std::max<std::uint64_t>(64, static_cast<std::uint64_t>(static_cast<double>(kUsualBytes) / (25 * atoms + 83)));
  }

  BenchOptions options_of_run() const {
    BenchOptions o;
    if (!command_.datasets.empty()) o.dataset = command_.datasets[0];
    o.like = command_.like;
    o.records = command_.records;
    o.custom = command_.custom;
    o.batch = command_.batch;
    o.trials = command_.trials;
    o.seconds = command_.seconds;
    o.seed = seed();
    o.io = command_.io;
    o.processes = ranks_.size() < 2 ? 1 : static_cast<std::size_t>(ranks_.size());
    return o;
  }

  SessionOptions options_for(const Mount* mount, const std::string& load) const {
    SessionOptions o;
    if (mount) o.dir = mount->folder;
    o.load_name = load;
    o.backends = chosen_backends(command_);
    o.workloads = chosen_workloads(command_);
    o.dispensable = dispensable_workloads(command_);
    o.workers = command_.workers;
    o.trials = command_.trials;
    o.batch = command_.batch;
    o.seed = seed() + static_cast<std::uint64_t>(ranks_.rank());  // as trainers, each in its own order
    o.io = command_.io == "map" ? Io::map : command_.io == "pread" ? Io::pread : command_.io == "uring" ? Io::uring : Io::automatic;
    if (in_place()) o.in_place = command_.datasets;
    return o;
  }

  void run_one(const Mount& mount, const NamedLoad& load, Budget& budget) {
    SessionOptions options = options_for(&mount, load.name);
    std::optional<BenchFolder> folder;
    folder.emplace(in_place() ? temporary_folder() : mount.folder);
    options.folder = folder->path();
    if (!in_place()) check_space(mount, *load.load, options.backends.size());
    if (ranks_.size() > 1) options.together = [this] { (void)ranks_.exchange(""); };
    options.progress = [&](std::string_view backend, std::string_view what) {
      std::string now = fmt::format("{}, {}: {}, {}", mount.folder, bench_load_name(load.name), backend, what);
      if (common_options().verbose) note(now);
      std::lock_guard lock(mutex_);
      now_ = std::move(now);
    };
    // The row says it, too; but a run whose rows are looked at by a program alone should not end without a word.
    options.failed = [&](std::string_view backend, std::string_view workload, std::string_view why) { warn(fmt::format("{}, {}: {}: {}: {}", mount.folder, bench_load_name(load.name), backend, workload, why)); };
    measure(options, *load.load, budget, pythons_, results_);
  }

  static std::string temporary_folder() {
    std::error_code error;
    const std::string path = fs::temp_directory_path(error).string();
    if (!error) return path;
    const char* named = std::getenv("TMPDIR");
    throw Error(Exit::system, named ? named : "/tmp", "is no folder for temporary files", "set TMPDIR to one");
  }

  static void check_space(const Mount& mount, const Load& load, std::size_t stores) {
    // Of a thousand molecules along the order, for there may be more than can be counted.
    const std::uint64_t some = std::min<std::uint64_t>(load.size(), 1000);
    double payload = 0;
    for (std::uint64_t i = 0; i < some; ++i) payload += static_cast<double>(load.payload(load.atoms(load.size() / some * i))) / static_cast<double>(some);
    payload *= static_cast<double>(load.size());
    const double need = payload * kBytesPerStore * static_cast<double>(stores);
    if (need < static_cast<double>(mount_of(mount.folder).free_bytes)) return;
    throw Error(Exit::system, mount.folder, fmt::format("may need {} and has {} free", human_bytes(static_cast<std::uint64_t>(std::min(need, 1.8e19))), human_bytes(mount.free_bytes)),
                "pass fewer --records or --backends");
  }

  const BenchCommand& command_;
  Ranks& ranks_;
  BenchResults results_;
  Pythons pythons_;
  std::mutex mutex_;
  std::string now_;  // what is being measured; guarded by mutex_
  std::optional<Dataset> dataset_;
  std::vector<NamedLoad> loads_;
};

}  // namespace

namespace {

// The files that the run reads.
std::vector<std::string> inputs_of(const BenchCommand& command) {
  std::vector<std::string> inputs = command.datasets;
  if (!command.like.empty()) inputs.push_back(command.like);
  std::vector<std::string> files = dataset_files_of(inputs);
  if (!command.baseline.empty()) files.push_back(command.baseline);
  return files;
}

// Where the page goes: not in the place of one that is there, unasked, nor in that of an input; and into a folder that can
// be written, which is better known now than after the run.
std::string page_target(const BenchCommand& command) {
  const std::string target = output_target(command.html, "--html", "page.html");
  std::error_code error;
  if (fs::exists(target, error)) {
    for (const auto& input : inputs_of(command)) {
      if (fs::equivalent(input, target, error)) throw Error(Exit::usage, input, "is an input and the page", "name another file with --html");
    }
    if (!command.force) throw Error(Exit::system, target, "exists already", "pass --force to replace it");
  }
  real_disk().remove(real_disk().create_beside(target)->path());
  return target;
}

// A run without a single result is none, and one over a damaged dataset is of a part of it.
Exit verdict_of(const BenchResults& results, bool in_place) {
  if (!results.bad_input.empty()) throw Error(Exit::input, "", results.bad_input);
  if (std::any_of(results.rows.begin(), results.rows.end(), [](const BenchRow& row) { return row.problem.empty(); })) return Exit::ok;
  if (results.rows.empty()) {
    throw Error(Exit::usage, "", "nothing was measured: no chosen backend does any of the chosen workloads here", in_place ? "a DATASET is read where it lies by atp alone; --dir copies it for the others" : "man atp-bench says which backends take part in which");
  }
  throw Error(Exit::system, "", "nothing could be measured; the rows above say why");
}

}  // namespace

Exit bench(const BenchCommand& command) {
  // All that can be wrong with the words is said before anything is measured.
  std::vector<Requirement> required;
  for (const auto& text : command.require) required.push_back(parse_requirement(text));
  for (const Requirement& r : required) need_measured(r, command);
  std::optional<BenchResults> old;
  if (!command.baseline.empty()) old = read_baseline(command.baseline);
  const std::string page = command.html.empty() ? "" : page_target(command);

  Ranks ranks;
  if (!ranks.first()) silence_messages();
  // Not Ranks::together(): the others wait within. Who fails leaves, at which the launcher ends the job.
  BenchResults results = BenchRun(command, ranks).run();
  if (ranks.size() > 1) results.together = rows_together(ranks, results);
  if (!ranks.first()) return Exit::ok;
  BenchChecks checks;
  checks.with_goals = command.goals;
  if (command.goals) checks.goals = check_goals(results);
  if (old) hold_against(*old, results, checks);
  for (const Requirement& r : required) {
    for (auto& found : check_requirement(r, results)) checks.required.push_back(std::move(found));
  }
  std::optional<Error> no_page;  // said when the results are
  try {
    if (!page.empty()) write_text_file(page, bench_html(results, checks), true);
  } catch (const Error& e) {
    no_page = e;
  }
  if (command.json) {
    print(bench_json(results, checks) + '\n');
    if (checks.with_baseline && checks.changes.empty()) note(fmt::format("{} has no row in common with this run", command.baseline));
    // Whoever reads a log sees what was missed, too.
    for (const RequirementResult& r : checks.required) {
      if (!r.met) note(fmt::format("missed: {}", r.requirement.text()));
    }
  } else {
    const int width = ::isatty(STDOUT_FILENO) == 1 ? terminal_width() : std::numeric_limits<int>::max();
    print(bench_head(results, width) + bench_tables(results, width) + bench_chart(results, terminal_width()) + together_table(results) + goals_table(checks, results, width) + changes_table(checks, width) +
          io_profile_text(results, terminal_width()) + footprint_text(results, width) + bench_end(results, width) + requirement_lines(checks));
  }
  if (no_page) throw *no_page;
  return checks.all_met() ? verdict_of(results, measured_in_place(command)) : Exit::no;
}

bool BenchChecks::all_met() const {
  return std::all_of(required.begin(), required.end(), [](const RequirementResult& r) { return r.met; });
}

}  // namespace atp

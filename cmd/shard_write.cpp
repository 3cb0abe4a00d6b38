#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include "cmd/options.h"
#include "cmd/shard_ranks.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/atp/verify.h"
#include "core/base/parallel.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// A shard of any group that is still to be written.
struct Pending {
  std::size_t group;
  std::uint64_t shard;
  std::size_t number;  // among the shards of all groups
  ShardTarget target;
};

// What the pending shards will take, where that is known before.
std::uint64_t bytes_to_write(const ShardRun& run, const std::vector<Pending>& pending) {
  if (run.rules.recoding.any()) return 0;
  std::uint64_t bytes = 0;
  RecordFinder finder(*run.dataset);
  for (const Pending& p : pending) {
    bytes += kFirstData;
    for (const std::uint64_t record : p.target.records) {
      const Dataset::Place at = finder.place(record);
      const Reader& file = run.dataset->shards()[at.shard];
      const IndexEntry e = file.entry(at.record);
      const bool as_stored = file.codec() == run.rules.codec;
      bytes += (as_stored ? e.stored : run.rules.codec.id == CodecId::none ? e.unpacked : 0) + kBytesBesideRecord;
    }
  }
  return bytes;
}

void check_space(const std::string& folder, std::uint64_t needed) {
  struct statvfs disk = {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;  // writing will say what is wrong
  const std::uint64_t left = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (needed <= left) return;
  throw Error(Exit::system, folder, fmt::format("the shards need {} ({} bytes), the disk has {} ({} bytes) left", human_bytes(needed), needed, human_bytes(left), left),
              "make room, or compress with --codec zstd");
}

// The folder, or the nearest one above it that is there.
std::string existing_folder(const std::string& path) {
  std::error_code error;
  fs::path at = fs::absolute(path, error);
  while (!fs::exists(at, error) && at.has_relative_path()) at = at.parent_path();
  return at.string();
}

// Whether a shard that a killed run left behind is the one of the plan, as far as its index can tell.
std::optional<ShardFile> finished_shard(const ShardRun& run, const std::string& path, std::span<const std::uint64_t> records, bool mine) {
  try {
    const Reader file(path);
    file.check_index();
    // One that left damaged records out is written again, so that they are listed again.
    if (file.codec() != run.rules.codec || file.size() != records.size()) return std::nullopt;
    ShardFile found;
    found.records = file.size();
    found.bytes = file.file_bytes();
    RecordFinder finder(*run.dataset);
    for (std::uint64_t i = 0; i < file.size(); ++i) {
      const IndexEntry now = file.entry(i);
      found.atoms += now.atoms;
      const IndexEntry wanted = finder.entry(records[i]);
      if (now.atoms != wanted.atoms) return std::nullopt;
      if (!run.rules.recoding.any() && now.unpacked != wanted.unpacked) return std::nullopt;
    }
    // What a crash or a disk has spoiled since is written again; the process whose shard it is looks.
    VerifyOptions full;
    full.jobs = jobs();
    if (mine && run.rules.verify && !verify_file(*open_input_file(path), full).sound()) return std::nullopt;
    return found;
  } catch (const Error&) {
    return std::nullopt;
  }
}

class ShardWork {
 public:
  ShardWork(const ShardRun& run, ShardFolder& folder, Ranks& ranks);
  ShardResult run();

 private:
  void begin();
  void find_pending();
  bool takes_turns(const std::vector<Pending>& shards) const;
  void write_parallel(const std::vector<Pending>& shards);
  void write_windows(const std::vector<Pending>& shards);
  void done(const Pending& shard, ShardFile&& file);

  const ShardRun& run_;
  ShardFolder& folder_;
  Ranks& ranks_;
  ShardResult result_;
  ShardWriting how_;
  std::vector<Pending> pending_, finished_;  // of this rank
  std::vector<Pending> of_others_;           // pending
  std::uint64_t total_ = 0;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<bool> stop_{false};
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<BackgroundSums> sums_;
};

ShardWork::ShardWork(const ShardRun& run, ShardFolder& folder, Ranks& ranks) : run_(run), folder_(folder), ranks_(ranks) {
  how_.dataset = run.dataset.get();
  how_.rules = &run.rules;
  how_.metadata = [&run](const std::vector<bool>& inputs) { return metadata_of(run, inputs); };
  how_.overwrite = true;  // begin() has removed what --force replaces
  how_.jobs = jobs();
  how_.stop = &stop_;
  how_.progress = [this](std::uint64_t records) {
    const std::uint64_t now = written_ += records;
    progress_->advance_to(now);
    progress_->set_records(now);
  };
}

void ShardWork::find_pending() {
  std::size_t number = 0;
  for (std::size_t g = 0; g < run_.groups.size(); ++g) {
    const ShardGroup& group = run_.groups[g];
    result_.files.emplace_back(group.plan.shards());
    for (std::uint64_t k = 0; k < group.plan.shards(); ++k) {
      const bool mine = is_mine(ranks_, number);
      Pending p{g, k, number++, {folder_.path(group.file(k)), group.plan.shard(k)}};
      if (folder_.has(group.file(k))) {
        if (auto found = finished_shard(run_, p.target.path, p.target.records, mine)) {
          if (!mine) continue;
          result_.files[g][k] = std::move(*found);
          ++result_.kept_shards;
          finished_.push_back(p);
          continue;
        }
      }
      if (mine) total_ += p.target.records.size();
      (mine ? pending_ : of_others_).push_back(p);
    }
  }
  sums_ = std::make_unique<BackgroundSums>(number, jobs());
}

void ShardWork::done(const Pending& shard, ShardFile&& file) {
  if (file.sums) {
    sums_->set(shard.number, std::move(*file.sums));
  } else {
    sums_->add(shard.number, shard.target.path);
  }
  result_.files[shard.group][shard.shard] = std::move(file);
}

// How far the shards that are written have come in the input: what none of them will read again may leave memory.
// Any thread.
class ReadFront {
 public:
  ReadFront(OnePass& once, const std::vector<Pending>& shards) : once_(once), first_after_(shards.size() + 1, UINT64_MAX) {
    for (std::size_t k = shards.size(); k-- > 0;) {
      const auto records = shards[k].target.records;
      first_after_[k] = std::min(first_after_[k + 1], records.empty() ? UINT64_MAX : records.front());
    }
  }

  // Shards begin in their order.
  void begin(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    at_work_[shard] = 0;
    begun_ = shard + 1;
  }
  // It reads no record before this one any more.
  void advance(std::size_t shard, std::uint64_t record) {
    const std::lock_guard lock(mutex_);
    at_work_[shard] = record;
    move_on();
  }
  void end(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    at_work_.erase(shard);
    move_on();
  }

 private:
  void move_on() {
    std::uint64_t first = first_after_[begun_];
    for (const auto& [shard, record] : at_work_) first = std::min(first, record);
    if (first != UINT64_MAX) once_.passed(first);
  }

  OnePass& once_;
  std::mutex mutex_;
  std::vector<std::uint64_t> first_after_;       // [k]: the first record of shard k and those behind it
  std::map<std::size_t, std::uint64_t> at_work_;  // how far they have come
  std::size_t begun_ = 0;
};

// Several shards at a time, each on its share of the threads.
void ShardWork::write_parallel(const std::vector<Pending>& shards) {
  if (shards.empty()) return;
  const int at_once = std::min<int>(how_.jobs, static_cast<int>(std::min<std::size_t>(shards.size(), 4096)));
  ShardWriting how = how_;
  how.jobs = std::max(1, how_.jobs / at_once);
  using Result = std::pair<const Pending*, ShardFile>;
  ReadFront front(*run_.once, shards);
  std::size_t next = 0;
  std::exception_ptr first;
  std::mutex mutex;
  ordered_parallel<const Pending*, Result>(
      at_once,
      [&]() -> std::unique_ptr<const Pending*> {
        if (next == shards.size()) return nullptr;
        front.begin(next);
        return std::make_unique<const Pending*>(&shards[next++]);
      },
      [&](const Pending*& shard) {
        try {
          const auto number = static_cast<std::size_t>(shard - shards.data());
          ShardWriting mine = how;
          mine.passed = [&, number](std::uint64_t record) { front.advance(number, record); };
          Result result(shard, write_in_order(mine, shard->target));
          front.end(number);
          return result;
        } catch (const Stopped&) {
          std::lock_guard lock(mutex);
          std::rethrow_exception(first);  // whoever set stop_ has left its reason
        } catch (...) {
          std::lock_guard lock(mutex);
          if (!first) first = std::current_exception();
          stop_ = true;
          throw;
        }
      },
      [&](Result&& r) { done(*r.first, std::move(r.second)); });
}

void ShardWork::write_windows(const std::vector<Pending>& shards) {
  if (shards.empty()) return;
  std::vector<ShardTarget> targets;
  for (const Pending& p : shards) targets.push_back(p.target);
  result_.passes += write_gathered(how_, targets, run_.command.memory, [&](std::size_t i, ShardFile&& file) { done(shards[i], std::move(file)); });
}

// The first rank makes the folder ready; the others look at it when it is, and before anyone writes.
void ShardWork::begin() {
  ranks_.together([&] {
    if (!ranks_.first()) return;
    find_pending();
    check_space(existing_folder(run_.command.output), bytes_to_write(run_, pending_) + bytes_to_write(run_, of_others_));
    folder_.begin();
  });
  ranks_.together([&] {
    if (ranks_.first()) return;
    folder_.check(true, false);
    find_pending();
  });
}

// Whether the shards hold records from all over inputs that are larger than memory, and are gathered in fewer
// passes than it takes to write one after the other. (What fits in memory is read from the disk once anyway.)
bool ShardWork::takes_turns(const std::vector<Pending>& shards) const {
  std::vector<ShardTarget> targets;
  std::uint64_t bytes = 0;
  RecordFinder finder(*run_.dataset);
  for (const Pending& p : shards) {
    targets.push_back(p.target);
    for (const std::uint64_t record : p.target.records) bytes += finder.entry(record).unpacked;
  }
  return bytes > run_.command.memory && passes_in_order(targets) > 1.5 + static_cast<double>(bytes) / static_cast<double>(run_.command.memory);
}

ShardResult ShardWork::run() {
  begin();
  for (const Pending& p : finished_) sums_->add(p.number, p.target.path);
  progress_ = std::make_unique<Progress>("sharding", total_, false);
  std::vector<Pending> in_order, scattered;
  for (const Pending& p : pending_) (reads_in_order(p.target.records) ? in_order : scattered).push_back(p);
  if (takes_turns(in_order)) {
    scattered = pending_;
    in_order.clear();
  }
  write_parallel(in_order);
  write_windows(scattered);
  const std::vector<FileSums>& sums = sums_->finish();
  std::size_t number = 0;
  for (const ShardGroup& group : run_.groups) {
    const auto from = sums.begin() + static_cast<std::ptrdiff_t>(number);
    result_.sums.emplace_back(from, from + static_cast<std::ptrdiff_t>(group.plan.shards()));
    number += group.plan.shards();
  }
  share_results(ranks_, run_, result_);
  return std::move(result_);
}

}  // namespace

std::string metadata_of(const ShardRun& run, const std::vector<bool>& files) {
  if (run.origin) return run.origin->metadata.to_json();
  Metadata m = run.metadata;
  for (std::size_t k = 0; k < files.size(); ++k) {
    const Reader& file = run.dataset->shards()[k];
    if (files[k]) m.sources.push_back({name_in_metadata(file.path()), file.file_bytes(), std::nullopt});
  }
  return m.to_json();
}

ShardResult write_run(const ShardRun& run, ShardFolder& folder, Ranks& ranks) { return ShardWork(run, folder, ranks).run(); }

ShardFolder folder_of(const ShardRun& run) {
  std::vector<std::string> files;
  for (const ShardGroup& group : run.groups) {
    for (std::uint64_t k = 0; k < group.plan.shards(); ++k) files.push_back(group.file(k));
    files.push_back(group.manifest());
  }
  ShardFolder folder(run.command.output, std::move(files), run.hash);
  if (run.origin) {
    for (const Reader& file : run.dataset->shards()) folder.pass_over(file.path());
  }
  return folder;
}

std::string manifest_of(const ShardRun& run, const ShardResult& result, std::size_t g) {
  const ShardGroup& group = run.groups[g];
  ShardManifest m;
  m.dataset = fs::path(fs::absolute(run.command.output).lexically_normal() / "").parent_path().filename().string();
  m.variant = group.name;
  m.codec = run.rules.codec;
  m.created_at_utc = utc_time();
  m.generator = fmt::format("atp {}", version());
  m.command = command_line();
  m.seed = run.command.seed;
  m.order = run.command.order;
  m.balance = run.command.balance;
  m.algorithm = run.command.order == "balance" ? "longest-first" : run.command.algorithm;
  m.largest_to_mean = group.plan.balance.ratio();
  m.plan = run.hash;
  if (run.origin) {
    m.sources = run.origin->sources;
  } else {
    for (const Reader& file : run.dataset->shards()) m.sources.push_back({name_in_metadata(file.path()), file.file_bytes(), file.size()});
  }
  m.left_out = run.damaged;
  for (std::uint64_t k = 0; k < group.plan.shards(); ++k) {
    m.files.push_back({fs::path(group.file(k)).filename().string(), result.files[g][k], result.sums[g][k]});
  }
  return manifest_text(m);
}

}  // namespace atp

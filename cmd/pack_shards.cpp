#include "cmd/pack_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "cmd/pack_ranks.h"
#include "cmd/pack_run.h"
#include "cmd/shard_ranks.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

void check_options(const PackOptions& o) {
  const auto refuse = [](const std::string& what, const std::string& fix) { throw Error(Exit::usage, "", what, fix); };
  if (o.output.empty()) refuse("no output folder was named", "pass -o DIR");
  if (o.output == "-") refuse("shards cannot be written to a pipe", "pass -o DIR");
  if (*o.shards == 0) refuse("0 shards hold nothing", "pass 1 or more");
  if (o.append) refuse("--append and --shards do not go together", "pack into another folder; a dataset can be several");
  if (o.dry_run) refuse("--dry-run and --shards do not go together", "leave --shards out: the records are the same");
}

// A folder that is read must not be written.
void refuse_inputs_in(const std::string& folder, const std::vector<std::string>& inputs) {
  std::error_code error;
  const fs::path out = fs::weakly_canonical(folder, error);
  for (const auto& input : inputs) {
    const fs::path in = fs::weakly_canonical(input, error);
    if (input != "-" && std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end()) {
      throw Error(Exit::usage, input, "is an input and lies in the output folder", "name another folder with -o");
    }
  }
}

// A folder that was not there before: it goes again when nothing has come into it.
class MadeFolder {
 public:
  explicit MadeFolder(std::string path) : path_(std::move(path)) {}
  ~MadeFolder() {
    std::error_code error;
    if (made_) fs::remove(path_, error);
  }
  MadeFolder(const MadeFolder&) = delete;
  MadeFolder& operator=(const MadeFolder&) = delete;

  // The first rank makes it; whoever is last removes it.
  void make(Ranks& ranks) {
    ranks.together([&] {
      std::error_code error;
      if (!ranks.first()) return;
      made_ = fs::create_directories(path_, error);
      if (error) fail_system(path_, "cannot make the folder", error.value());
    });
    made_ = ranks.exchange(made_ ? "made" : "")[0] == "made";
  }

 private:
  std::string path_;
  bool made_ = false;
};

// Files that go with the object.
class TemporaryFiles {
 public:
  TemporaryFiles() = default;
  ~TemporaryFiles() { remove(); }
  TemporaryFiles(const TemporaryFiles&) = delete;
  TemporaryFiles& operator=(const TemporaryFiles&) = delete;

  void add(const std::string& path) {
    if (!path.empty()) paths_.push_back(path);
  }
  void remove() {
    for (const auto& path : paths_) real_disk().remove(path);
    paths_.clear();
  }
  void forget() { paths_.clear(); }
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  std::vector<std::string> paths_;
};

ShardOrigin origin_of(const PackRun& pack, const PackedPart& whole) {
  ShardOrigin origin;
  origin.metadata = pack.metadata(whole);
  for (std::size_t i = 0; i < whole.sources.size(); ++i) origin.sources.push_back({whole.sources[i].name, whole.sources[i].size, whole.records[i]});
  return origin;
}

ShardRun plan_of(const PackOptions& o, const std::vector<std::string>& packed, ShardOrigin origin) {
  ShardCommand c;
  c.inputs = packed;
  c.output = o.output;
  c.shards = o.shards;
  c.force = o.force;
  c.json = o.json;
  return plan_run(c, std::move(origin));
}

// One run in one of the processes.
class ShardPacking {
 public:
  ShardPacking(const PackOptions& options, Ranks& ranks) : o_(options), ranks_(ranks), made_(options.output) {}

  // Each rank its inputs. A failure is everyone's.
  void pack();
  // Each rank its shards. A rank that fails goes at once, and the launcher ends the others.
  void write();

 private:
  void together_on_first(const std::function<void()>& work) {
    ranks_.together([&] {
      if (ranks_.first()) work();
    });
  }

  const PackOptions& o_;
  Ranks& ranks_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  MadeFolder made_;
  std::optional<PackRun> pack_;
  PackedPart whole_;
  TemporaryFiles packed_;  // of all ranks, once they are known: whoever goes first takes them with it
  ShardRun run_;
};

void ShardPacking::pack() {
  std::vector<std::string> inputs;
  ranks_.together([&] {
    check_options(o_);
    pack_.emplace(o_);
    inputs = pack_->inputs();
    refuse_inputs_in(o_.output, inputs);
    if (ranks_.size() > 1) check_for_ranks(o_, inputs);
    if (ranks_.first()) ShardFolder(o_.output, {}, "").check(false, o_.force);
  });
  check_same_inputs(ranks_, inputs);
  made_.make(ranks_);

  const std::string beside = (fs::path(o_.output) / "part_0000.atp").string();
  PackedPart part;
  ranks_.together([&] { part = pack_->pack_part(inputs_of_rank(inputs, ranks_.rank(), ranks_.size()), beside, [&] { ranks_.look(); }); });
  whole_ = whole_of_parts(ranks_, part);
  together_on_first([&] { pack_->check_result(whole_); });
  ranks_.together([&] { packed_.add(pack_->finish_part(whole_.lock)); });

  const std::vector<std::string> all = ranks_.exchange(packed_.paths().empty() ? "" : packed_.paths()[0]);
  packed_.forget();
  for (const auto& path : all) packed_.add(path);
  ranks_.together([&] { run_ = plan_of(o_, packed_.paths(), origin_of(*pack_, whole_)); });
  check_same_plan(ranks_, run_);
}

void ShardPacking::write() {
  ShardFolder folder = folder_of(run_);
  together_on_first([&] { folder.check(false, o_.force); });
  const ShardResult result = write_run(run_, folder, ranks_);
  packed_.remove();
  ranks_.exchange("");  // all have removed theirs: the folder holds shards alone
  if (!ranks_.first()) return;
  write_text_file(folder.path(run_.groups[0].manifest()), manifest_of(run_, result, 0), true);
  folder.end();
  whole_.report.print_notes();
  report_run(run_, &result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
}

}  // namespace

Exit pack_shards(const PackOptions& o) {
  Ranks ranks;
  if (!ranks.first()) silence_messages();  // they would all say the same
  std::optional<ShardPacking> packing(std::in_place, o, ranks);
  // The launcher ends the job when one process has gone: not before all have cleaned up.
  const auto leave_together = [&] {
    packing.reset();
    ranks.exchange("");
  };
  try {
    packing->pack();
  } catch (const Error&) {
    leave_together();
    throw;
  } catch (const FailedElsewhere&) {
    leave_together();
    throw;
  }
  packing->write();
  return Exit::ok;
}

}  // namespace atp

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

// A file that goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile() { remove(); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void remove() {
    if (!path_.empty()) real_disk().remove(path_);
    path_.clear();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

ShardOrigin origin_of(const PackRun& pack, const PackedPart& whole) {
  ShardOrigin origin;
  origin.metadata = pack.metadata(whole);
  for (std::size_t i = 0; i < whole.sources.size(); ++i) origin.sources.push_back({whole.sources[i].name, whole.sources[i].size, whole.records[i]});
  return origin;
}

ShardRun plan_of(const PackOptions& o, std::vector<std::string> packed, ShardOrigin origin) {
  ShardCommand c;
  std::erase(packed, "");
  c.inputs = std::move(packed);
  c.output = o.output;
  c.shards = o.shards;
  c.force = o.force;
  c.json = o.json;
  return plan_run(c, std::move(origin));
}

}  // namespace

Exit pack_shards(const PackOptions& o) {
  Ranks ranks;
  if (!ranks.first()) silence_messages();  // they would all say the same
  const auto start = std::chrono::steady_clock::now();
  MadeFolder made(o.output);
  std::optional<PackRun> pack;
  std::vector<std::string> inputs;
  ranks.together([&] {
    check_options(o);
    pack.emplace(o);
    inputs = pack->inputs();
    refuse_inputs_in(o.output, inputs);
    if (ranks.size() > 1) check_for_ranks(o, inputs);
    if (ranks.first()) ShardFolder(o.output, {}, "").check(false, o.force);
  });
  check_same_inputs(ranks, inputs);
  made.make(ranks);

  // A rank that fails here goes at once, and the launcher ends the others.
  const std::string beside = (fs::path(o.output) / "part_0000.atp").string();
  const PackedPart part = pack->pack_part(inputs_of_rank(inputs, ranks.rank(), ranks.size()), beside);
  const PackedPart whole = whole_of_parts(ranks, part);
  ranks.together([&] {
    if (ranks.first()) pack->check_result(whole);
  });
  TemporaryFile packed(pack->finish_part(whole.lock.schema));

  ShardRun run;
  const std::vector<std::string> all = ranks.exchange(packed.path());
  ranks.together([&] { run = plan_of(o, all, origin_of(*pack, whole)); });
  check_same_plan(ranks, run);
  ShardFolder folder = folder_of(run);
  ranks.together([&] {
    if (ranks.first()) folder.check(false, o.force);
  });
  const ShardResult result = write_run(run, folder, ranks);
  packed.remove();
  ranks.exchange("");  // all have removed theirs: the folder holds shards alone
  if (!ranks.first()) return Exit::ok;
  write_text_file(folder.path(run.groups[0].manifest()), manifest_of(run, result, 0), true);
  folder.end();
  whole.report.print_notes();
  report_run(run, &result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return Exit::ok;
}

}  // namespace atp

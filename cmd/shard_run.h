// One run of `atp shard`, from the plan to the manifests. Private to cmd/shard*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/shard.h"
#include "cmd/shard_folder.h"
#include "core/atp/one_pass.h"
#include "core/mpi/ranks.h"
#include "core/shard/background_sums.h"
#include "core/shard/manifest_text.h"
#include "core/shard/plan.h"
#include "core/shard/write.h"

namespace atp {

// A dataset that is written: the whole, or one of the splits.
struct ShardGroup {
  std::string name;  // of the split; empty without --split
  ShardPlan plan;

  // "part_0000.atp", "train/part_0000.atp".
  std::string file(std::uint64_t shard) const;
  std::string manifest() const;
};

// Where the records of a dataset of temporary files came from, which is said in place of these files.
struct ShardOrigin {
  Metadata metadata;  // of every shard, with sources
  std::vector<ShardManifest::Source> sources;
};

// All of a run that is decided before anything is written. A function of the inputs and the options
// alone, so every process that is given them makes the same.
struct ShardRun {
  ShardCommand command;
  std::unique_ptr<Dataset> dataset;
  std::unique_ptr<OnePass> once;  // over it
  CopyRules rules;
  Metadata metadata;  // of every shard, without sources
  std::optional<ShardOrigin> origin;
  std::vector<ShardGroup> groups;
  std::vector<DamagedRecord> damaged;  // left out while planning
  std::uint64_t duplicates = 0;        // left out by --dedup
  std::string hash;   // of what will be written
};

// With an `origin` the plan depends on the records alone, not on the files they lie in, which may be in the
// output folder. Throws Error.
ShardRun plan_run(const ShardCommand& command, std::optional<ShardOrigin> origin = std::nullopt);
// The metadata block of a shard of records from these of the dataset's files.
std::string metadata_of(const ShardRun& run, const std::vector<bool>& files);
// Throws Error (exit 2) where --split is not what it should be.
void check_split(const std::string& text);

// Keeps the records of which --where is true, in their order, and says how many. Damaged ones are left out
// and listed in run.damaged with --on-error skip. Throws Error.
void keep_matching(ShardRun& run, std::vector<std::uint64_t>& records);

struct ShardResult {
  std::vector<std::vector<ShardFile>> files;  // [group][shard]
  std::vector<std::vector<FileSums>> sums;
  std::uint64_t passes = 0, kept_shards = 0;
};

// Writes what is not there yet, each rank its shards, and gives every rank the whole result. The first has
// checked the folder. Throws Error, Interrupted, FailedElsewhere.
ShardResult write_run(const ShardRun& run, ShardFolder& folder, Ranks& ranks);

// The folder with the names of everything the run will write.
ShardFolder folder_of(const ShardRun& run);
std::string manifest_of(const ShardRun& run, const ShardResult& result, std::size_t group);

// Says what was done, or what would be.
void report_run(const ShardRun& run, const ShardResult* result, double seconds);

}  // namespace atp

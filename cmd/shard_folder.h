// The folder that `atp shard` writes: what may be in it before, and what a killed run leaves.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/io/output_file.h"

namespace atp {

// One thread. A run first puts a state file into the folder, which names its plan, then the shards, each
// under its final name only when it is complete and on the disk, then the manifests, and takes the state
// file away. So a shard beside a state file is a whole shard of that plan.
class ShardFolder {
 public:
  // `files`: the shards and manifests to be, relative to the folder. `plan`: the hash of what they will hold.
  ShardFolder(std::string folder, std::vector<std::string> files, std::string plan);

  // A file in the folder that is not to be seen: the run's own, which it removes itself.
  void pass_over(const std::string& path);

  // Throws Error (exit 4) when the folder holds anything that is not a run of this plan to be resumed:
  // without `resume` or `force`, anything at all. With `force` the shards and manifests that earlier runs into this
  // folder name as theirs are going to be replaced; other .atp files and what has the name of a file to be written are
  // refused all the same.
  void check(bool resume, bool force);

  // Whether the folder held a complete run of this plan (after check() with resume).
  bool complete() const { return complete_; }
  // The files of this plan that were there, and are shards as this plan writes them.
  bool has(const std::string& file) const;

  // Makes the folders, writes and locks the state file, removes what --force replaces and what killed
  // runs left behind. From here on, a folder without manifest is an unfinished one.
  void begin();
  // Takes the state file away, when all is done.
  void end();

  std::string path(const std::string& file) const;

 private:
  bool read_state();
  std::vector<std::string> listing() const;
  bool is_ours(const std::string& file) const;
  std::set<std::string> files_of_earlier_runs(const std::vector<std::string>& there) const;

  std::string folder_;
  std::vector<std::string> files_;
  std::string plan_;
  bool complete_ = false, resuming_ = false;
  std::set<std::string> passed_over_;
  std::vector<std::string> obsolete_;  // to be removed by begin()
  std::unique_ptr<OutputFile> state_;  // locked
};

inline constexpr const char* kShardStateName = "unfinished.json";

}  // namespace atp

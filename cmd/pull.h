// What the parts of `atp pull` share. Private to cmd/pull*.cpp and their tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/remote.h"
#include "core/base/error.h"
#include "core/hub/dataset_files.h"
#include "core/hub/download.h"

namespace atp {

struct PullCommand {
  std::string source;  // OWNER/NAME, hf://... or http(s)://...
  std::string path;
  std::string revision;  // empty: main
  RemoteOptions remote;
  std::string local_dir;  // empty: the cache, or for plain addresses the current folder
  std::vector<std::string> include, exclude;  // globs
  bool list = false, inspect = false;
  bool dry_run = false;
  bool json = false;
  std::string records;                  // a Selection; empty: whole files
  std::optional<std::uint64_t> sample;  // as many records at random
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> gap;     // bytes; empty: by a cost model
  std::string output;                   // of records
  bool force = false;
  std::string verify;  // full, quick, none; empty: quick, but full where no hash is known
};

// The command. Returns ok, or no when a file is damaged although its hash is right; throws Error.
Exit pull(const PullCommand& command);

// Pulls a dataset of the Hub for another command; returns its local path. Throws Error (exit 3) when a file of it is damaged.
std::string pull_quietly(const PullCommand& command, HttpShared& shared, RemoteDataset&& dataset);

// ---- the modes ----------------------------------------------------------------------------------

// The address that the command line means. Throws Error (exit 2).
std::string source_address(const PullCommand& command);

// The files to fetch: those of the dataset, or those that --include names, without what --exclude names. Throws Error
// (exit 2) when there are none, or when it is several datasets without a path.
std::vector<RemoteFile> chosen_files(const PullCommand& command, const RemoteDataset& dataset);

// --records and --sample.
Exit pull_records(const PullCommand& command, HttpShared& shared, const RemoteDataset& dataset);

// With command.inspect, shards are looked into.
void print_list(const PullCommand& command, HttpShared& shared, const RemoteDataset& dataset);

struct PullPlan {
  RemoteDataset dataset;
  std::string result;           // the local path to print
  std::vector<PullItem> items;  // to fetch
  std::vector<PullItem> present;
  std::uint64_t bytes = 0;      // of items, as far as known
  std::uint64_t kept = 0;       // of those, left by earlier runs
};
void print_plan(const PullCommand& command, const PullPlan& plan);

}  // namespace atp

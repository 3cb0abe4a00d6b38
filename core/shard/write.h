// One shard after the other from a plan.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/io/file_sums.h"
#include "core/shard/copy.h"

namespace atp {

// A shard as it was written.
struct ShardFile {
  std::uint64_t records = 0, atoms = 0, bytes = 0;
  std::vector<DamagedRecord> damaged;  // left out
  std::optional<FileSums> sums;        // of the file, where they could be made on the way
};

// Where a shard goes, and what stands in it. The calls come from one thread at a time.
struct ShardTarget {
  std::string path;
  std::span<const std::uint64_t> records;  // numbers in the dataset
};

struct ShardWriting {
  const Dataset* dataset;
  const CopyRules* rules;
  // The metadata block of a shard, made from the numbers of the inputs it holds records of.
  std::function<std::string(const std::vector<bool>& inputs)> metadata;
  bool overwrite = false;
  int jobs = 1;
  // Called with the records written since the last call, from any thread.
  std::function<void(std::uint64_t records)> progress;
  // Called by write_in_order() with a record before which it has read all of its own; may be empty.
  std::function<void(std::uint64_t record)> passed;
  const std::atomic<bool>* stop = nullptr;  // another shard has failed: give up soon
};

// Thrown when `stop` was set; says nothing.
struct Stopped {};

// Whether the records can be read in the order they are written: they ascend.
bool reads_in_order(std::span<const std::uint64_t> records);

// How often the inputs are gone through when each of these shards, whose records ascend, is written on its
// own: once when they follow each other, as often as there are shards when they take turns.
double passes_in_order(std::span<const ShardTarget> targets);

// Writes one shard whose records ascend; complete and on the disk when it returns. Reads and checks on
// `jobs` threads. Throws Error (exit 3, 4), Interrupted or Stopped; then there is no file.
ShardFile write_in_order(const ShardWriting& how, const ShardTarget& target);

// Writes shards whose records come in any order. Of the output, `memory` bytes at a time are gathered in
// one pass over the inputs in file order. Calls `done` after each shard. Returns the number of passes.
std::uint64_t write_gathered(const ShardWriting& how, std::span<const ShardTarget> targets, std::uint64_t memory,
                             const std::function<void(std::size_t target, ShardFile&& file)>& done);

}  // namespace atp

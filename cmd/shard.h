// What the parts of `atp shard` share. Private to cmd/shard*.cpp and their tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace atp {

struct ShardCommand {
  std::vector<std::string> inputs;
  std::string output;
  std::optional<std::uint64_t> shards, max_records;
  std::uint64_t shard_bytes = 0;  // 0: not given
  std::string balance = "bytes";
  std::string algorithm = "optimal";
  std::string order = "keep";
  std::uint64_t seed = 0;
  std::uint64_t memory = std::uint64_t{1} << 30;
  std::string records;              // a Selection
  std::string where;                // a condition of select_records.h, or empty
  std::string dedup;                // "exact", a key, or empty
  std::optional<std::uint64_t> sample;
  std::string split;                // "train=0.9,val=0.1"
  std::string by = "record";        // record, formula or a key
  std::string codec, dtype;
  std::vector<std::string> keep, drop;
  std::string on_error = "stop";
  bool no_verify = false;
  bool resume = false;
  bool force = false;
  bool dry_run = false;
  bool json = false;
};

// Throws Error.
Exit shard(const ShardCommand& command);

// The words the program was called with, as far as the system knows them.
std::vector<std::string> command_line();

}  // namespace atp

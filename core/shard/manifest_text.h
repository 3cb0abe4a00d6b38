// manifest.json of a folder of shards: the keys of the published ones, and ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/io/file_sums.h"
#include "core/shard/write.h"

namespace atp {

struct ShardManifest {
  std::string dataset;      // the folder's name
  std::string variant;      // the split's name; empty: "all"
  Codec codec;
  std::string created_at_utc;
  std::string generator;    // "atp 0.1.0"
  std::vector<std::string> command;  // as it was called
  std::uint64_t seed = 0;
  std::string order, balance, algorithm;
  double largest_to_mean = 1;
  std::string plan;         // its hash, in hexadecimal
  struct Source {
    std::string name;
    std::uint64_t bytes, records;
  };
  std::vector<Source> sources;
  struct File {
    std::string name;
    ShardFile file;
    FileSums sums;
  };
  std::vector<File> files;
  std::vector<DamagedRecord> left_out;  // besides those that the files name
};

// One JSON object, a line a file.
std::string manifest_text(const ShardManifest& manifest);

// "2026-11-21T10:00:00Z": now, or SOURCE_DATE_EPOCH where it is set (reproducible-builds.org).
std::string utc_time();

}  // namespace atp

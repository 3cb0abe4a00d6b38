// A dataset: one .atp file, a directory of shards or a glob, as one index space.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/atp/reader.h"

namespace atp {

// The files a dataset argument names. A directory stands for every *.atp below it, in bytewise
// order of the whole path; a glob for what it matches, in bytewise order. Throws Error (exit 3)
// when nothing is found.
std::vector<std::string> dataset_files(const std::string& argument);

// What a shell pattern matches, in bytewise order; may be empty.
std::vector<std::string> glob_files(const std::string& pattern);

// The regular files below a folder that `wanted` accepts, in bytewise order of the whole path. Names
// that begin with a dot are passed over, links to files are followed, links to folders are not.
// Throws Error (exit 4) when the folder cannot be listed.
std::vector<std::string> files_below(const std::string& folder, const std::function<bool(const std::string&)>& wanted);

// Immutable once opened: threads share it.
class Dataset {
 public:
  // Several arguments follow each other in one index space. Files are opened many at a time. With Opening::header a
  // folder of thousands of shards is ready for random reads when their headers are read, and what is wrong with the rest
  // of one is an error of its records. Throws Error (exit 3, 4), naming the file.
  explicit Dataset(const std::vector<std::string>& arguments, Opening opening = Opening::whole);

  std::uint64_t size() const { return starts_.back(); }
  const std::vector<Reader>& shards() const { return shards_; }
  std::uint64_t start_of(std::size_t shard) const { return starts_[shard]; }

  struct Place {
    std::size_t shard;
    std::uint64_t record;  // within the shard
  };
  // Indices may be negative, as two's complement: -1 is the last record, as in Python. This is the same counted from
  // the start, or not below size() when there is no such record.
  std::uint64_t from_start(std::uint64_t i) const { return i < size() ? i : i + size(); }
  // Throws Error (exit 3) when there is no record i.
  Place locate(std::uint64_t i) const { return shards_.size() == 1 && i < size() ? Place{0, i} : locate_among_shards(i); }
  // As Reader::record() and Reader::verified_record().
  RecordView record(std::uint64_t i, Scratch& scratch) const;
  RecordView verified_record(std::uint64_t i, Scratch& scratch) const;

 private:
  Place locate_among_shards(std::uint64_t i) const;

  std::vector<Reader> shards_;
  std::vector<std::uint64_t> starts_;  // [shards + 1]
};

}  // namespace atp

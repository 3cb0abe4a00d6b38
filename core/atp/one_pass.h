// A pass over a dataset that reads every record once, in their order, and leaves nothing of it in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/atp/dataset.h"
#include "core/io/read_once.h"

namespace atp {

// For the committed part of one file, which it borrows.
ReadOnce read_once(const Reader& reader);

// The same for all files of a dataset, which it borrows. One thread at a time.
class OnePass {
 public:
  // Before the first record is read.
  explicit OnePass(const Dataset& dataset);

  // Nobody will ask for a record before record i again. An i below an earlier one does nothing.
  void passed(std::uint64_t i);

 private:
  const Dataset& dataset_;
  std::vector<ReadOnce> files_;
  std::size_t shard_ = 0;  // those before have been passed
};

}  // namespace atp

// What `atp pull` shows while it works: a line for every file that comes, and the total.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "cmd/terminal.h"
#include "core/hub/download.h"

namespace atp {

// Any thread.
class PullProgress {
 public:
  // `bytes`: of all items, as far as known. Borrows the items.
  PullProgress(const std::vector<PullItem>& items, std::uint64_t bytes);

  // Reports to this object, which must live as long.
  PullEvents events();
  std::uint64_t fetched_files() const { return fetched_files_; }

 private:
  void set(std::size_t item, std::uint64_t bytes);
  std::vector<ProgressPart> parts() const;

  const std::vector<PullItem>& items_;
  mutable std::mutex mutex_;  // of all below
  std::vector<std::uint64_t> done_;                // bytes, per item
  std::map<std::size_t, std::uint64_t> sizes_;     // of the items that come now
  std::uint64_t all_ = 0, before_ = 0, done_files_ = 0, fetched_files_ = 0;
  Progress progress_;
};

}  // namespace atp

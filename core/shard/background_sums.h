// Sums of files that are complete, computed while others are still written.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/io/file_sums.h"

namespace atp {

// Locked: add() from any thread. The destructor gives up what is not done.
class BackgroundSums {
 public:
  BackgroundSums(std::size_t files, int threads);
  ~BackgroundSums();
  BackgroundSums(const BackgroundSums&) = delete;
  BackgroundSums& operator=(const BackgroundSums&) = delete;

  // File number `file` of `files` is complete. It is read from the page cache, mostly.
  void add(std::size_t file, std::string path);
  // Its sums are known already.
  void set(std::size_t file, FileSums sums) { sums_[file] = std::move(sums); }
  // Waits for all that were added. Throws what went wrong first: Error (exit 4), Interrupted.
  const std::vector<FileSums>& finish();

 private:
  struct Job {
    std::size_t file;
    std::string path;
  };
  void work();

  std::vector<FileSums> sums_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;     // guarded by mutex_, as what follows
  bool complete_ = false;       // nothing more will be added
  bool given_up_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace atp

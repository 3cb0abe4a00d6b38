// One file of a download: which of its bytes are there, who fetches which, and what has been hashed. Private to download.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/hash.h"
#include "core/hub/content_hash.h"
#include "core/hub/download.h"
#include "core/hub/partial.h"

namespace atp {

// Chunks that one connection fetches in one request: [at, end) of the file. Moves on as bytes come.
struct RangeTask {
  std::uint64_t begin = 0, at = 0, end = 0;
  bool whole = false;  // the server ignores ranges: all of the file, from its beginning
  Xxh3Stream hash;     // of the chunk that `at` lies in
};

// Any thread.
class DownloadFile {
 public:
  // Opens what an earlier run left. The target's lock is held until it is published or the object goes.
  DownloadFile(std::size_t number, const PullItem& item, FileLock lock, Location location);

  const PullItem& item() const { return item_; }
  std::size_t number() const { return number_; }
  std::uint64_t size() const { return partial_.size(); }
  std::uint64_t kept() const { return kept_; }

  // A run of chunks that nobody fetches, for one of `connections`; nullptr when there is none (now).
  std::unique_ptr<RangeTask> take(int connections);
  // The bytes at task.at have come. False when the whole file is to begin anew.
  bool add(RangeTask& task, Bytes bytes);
  // Ends a task; what it has not fetched is free again.
  void release(const RangeTask& task);
  // From now on one connection asks for the whole file. Returns how often that has failed.
  int ignore_ranges(const RangeTask& task);

  // The address, and how often it has been renewed.
  std::pair<Location, unsigned> location() const;
  // Asks for a new address unless another thread has done so since `version`. Throws as locate().
  void renew_location(HttpClient& client, unsigned version);
  // After restart(): asks for a new address, once.
  void renew_after_restart(HttpClient& client);

  // Waits for the chunks in order and hashes them; true when the content is right. Throws Interrupted, Error;
  // HttpFailure (stopped).
  bool hash_all(const HttpShared& shared, std::string& found);
  const std::string& wanted_hash() const { return wanted_; }
  const char* hash_name() const { return hash_name_; }
  // Forgets all bytes. Waits until nobody fetches any.
  void restart(const HttpShared& shared);
  void publish();

 private:
  enum class Chunk : std::uint8_t { missing, taken, done };

  void wait(std::unique_lock<std::mutex>& lock, const HttpShared& shared);

  const std::size_t number_;
  const PullItem& item_;
  FileLock lock_;
  PartialFile partial_;
  std::uint64_t kept_ = 0;
  std::string wanted_;
  const char* hash_name_ = "";

  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<Chunk> chunks_;
  std::size_t first_missing_ = 0;  // a hint: none before it
  int tasks_ = 0, whole_failures_ = 0;
  bool no_ranges_ = false, restarting_ = false, stale_location_ = false;
  Location location_;
  unsigned location_version_ = 0;
  std::mutex renewal_;  // one thread asks
};

}  // namespace atp

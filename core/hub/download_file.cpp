#include "core/hub/download_file.h"

#include <algorithm>
#include <chrono>

#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::size_t kMostChunksATask = 16;  // 64 MB
constexpr std::size_t kHashBlock = 1 << 20;

// What must be the same for bytes of two runs to belong together.
std::string identity_of(const RemoteFile& file, const Location& location) {
  if (!file.etag().empty()) return file.etag();
  return file.xxh128.empty() ? location.etag : file.xxh128;
}

}  // namespace

DownloadFile::DownloadFile(std::size_t number, const PullItem& item, FileLock lock, Location location)
    : number_(number),
      item_(item),
      lock_(std::move(lock)),
      partial_(item.target.partial, identity_of(item.file, location), location.size),
      chunks_(partial_.chunks(), Chunk::missing),
      location_(std::move(location)) {
  // Nothing tells whether bytes without an identity are still the server's.
  if (identity_of(item.file, location_).empty()) partial_.restart();
  for (std::size_t c = 0; c < chunks_.size(); ++c) {
    if (!partial_.sound()[c]) continue;
    chunks_[c] = Chunk::done;
    kept_ += partial_.end_of(c) - partial_.begin_of(c);
  }
  RemoteFile sized = item.file;
  sized.size = partial_.size();
  const ContentHash hash(sized);
  wanted_ = hash.wanted();
  hash_name_ = hash.name();
}

std::unique_ptr<RangeTask> DownloadFile::take(int connections) {
  const std::lock_guard lock(mutex_);
  if (restarting_) return nullptr;
  while (first_missing_ < chunks_.size() && chunks_[first_missing_] != Chunk::missing) ++first_missing_;
  if (first_missing_ == chunks_.size()) return nullptr;
  auto task = std::make_unique<RangeTask>();
  if (no_ranges_) {
    if (tasks_ > 0) return nullptr;
    std::fill(chunks_.begin(), chunks_.end(), Chunk::taken);
    task->end = partial_.size();
    task->whole = true;
  } else {
    // Long requests cost fewer round trips; towards the end they become short, so that all connections end together.
    const auto missing = static_cast<std::size_t>(std::count(chunks_.begin() + static_cast<std::ptrdiff_t>(first_missing_), chunks_.end(), Chunk::missing));
    const std::size_t most = std::clamp<std::size_t>(missing / (2 * static_cast<std::size_t>(connections)), 1, kMostChunksATask);
    std::size_t end = first_missing_;
    for (; end < chunks_.size() && end - first_missing_ < most && chunks_[end] == Chunk::missing; ++end) chunks_[end] = Chunk::taken;
    task->begin = task->at = partial_.begin_of(first_missing_);
    task->end = partial_.end_of(end - 1);
  }
  ++tasks_;
  return task;
}

bool DownloadFile::add(RangeTask& task, Bytes bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (restarting_ || (no_ranges_ && !task.whole)) return false;
  }
  while (!bytes.empty()) {
    const auto chunk = static_cast<std::size_t>(task.at / PartialFile::kChunk);
    const std::uint64_t end = std::min(partial_.end_of(chunk), task.end);
    const Bytes piece = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - task.at)));
    if (piece.empty()) return true;  // more than was asked for
    partial_.write(task.at, piece);
    task.hash.update(piece);
    task.at += piece.size();
    bytes = bytes.subspan(piece.size());
    if (task.at != partial_.end_of(chunk)) continue;
    partial_.finish_chunk(chunk, task.hash.digest());
    task.hash.reset();
    const std::lock_guard lock(mutex_);
    chunks_[chunk] = Chunk::done;
    changed_.notify_all();
  }
  return true;
}

void DownloadFile::release(const RangeTask& task) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t c = task.begin / PartialFile::kChunk; c * PartialFile::kChunk < task.end; ++c) {
    if (chunks_[c] == Chunk::taken) chunks_[c] = Chunk::missing;
  }
  first_missing_ = std::min(first_missing_, static_cast<std::size_t>(task.begin / PartialFile::kChunk));
  --tasks_;
  changed_.notify_all();
}

int DownloadFile::ignore_ranges(const RangeTask& task) {
  const std::lock_guard lock(mutex_);
  no_ranges_ = true;
  return whole_failures_ += task.whole ? 1 : 0;
}

std::pair<Location, unsigned> DownloadFile::location() const {
  const std::lock_guard lock(mutex_);
  return {location_, location_version_};
}

void DownloadFile::renew_location(HttpClient& client, unsigned version) {
  const std::lock_guard one(renewal_);
  if (location().second != version) return;
  Location fresh = locate(client, item_.file);
  const std::lock_guard lock(mutex_);
  if (fresh.etag != location_.etag || fresh.size != location_.size) {
    throw Error(Exit::network, item_.file.name(), "it has changed on the server while it was fetched", "pull again");
  }
  location_ = std::move(fresh);
  ++location_version_;
}

void DownloadFile::renew_after_restart(HttpClient& client) {
  unsigned version = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!stale_location_) return;
    stale_location_ = false;
    version = location_version_;
  }
  renew_location(client, version);
}

void DownloadFile::wait(std::unique_lock<std::mutex>& lock, const HttpShared& shared) {
  changed_.wait_for(lock, std::chrono::milliseconds(100));
  throw_if_interrupted();
  if (shared.stop) throw HttpFailure{Trouble::stopped, "stopped"};
}

bool DownloadFile::hash_all(const HttpShared& shared, std::string& found) {
  RemoteFile sized = item_.file;
  sized.size = partial_.size();
  ContentHash hash(sized);
  std::vector<std::byte> block(kHashBlock);
  for (std::size_t c = 0; c < chunks_.size(); ++c) {
    {
      std::unique_lock lock(mutex_);
      while (chunks_[c] != Chunk::done) wait(lock, shared);
    }
    if (!hash.known()) continue;
    for (std::uint64_t at = partial_.begin_of(c); at < partial_.end_of(c);) {
      const auto n = partial_.read_at(at, std::span(block).first(static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), partial_.end_of(c) - at))));
      if (n == 0) throw Error(Exit::system, partial_.path(), "has become shorter while it was written", "does another program write to it?");
      hash.update(Bytes(block).first(n));
      at += n;
    }
  }
  if (!hash.known()) return true;
  found = hash.finish();
  return found == wanted_;
}

void DownloadFile::restart(const HttpShared& shared) {
  std::unique_lock lock(mutex_);
  restarting_ = true;
  while (tasks_ > 0) wait(lock, shared);
  partial_.restart();
  std::fill(chunks_.begin(), chunks_.end(), Chunk::missing);
  first_missing_ = 0;
  restarting_ = false;
  stale_location_ = true;
}

void DownloadFile::publish() {
  partial_.finish();
  item_.target.publish();
  lock_ = {};
}

}  // namespace atp

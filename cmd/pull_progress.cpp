#include "cmd/pull_progress.h"

namespace atp {

PullProgress::PullProgress(const std::vector<PullItem>& items, std::uint64_t bytes)
    : items_(items), done_(items.size()), progress_("pulling", bytes, true, {[this] { return parts(); }, "files", items.size(), 0, {}}) {}

void PullProgress::set(std::size_t item, std::uint64_t bytes) {
  all_ += bytes - done_[item];
  done_[item] = bytes;
  progress_.advance_to(all_);
}

PullEvents PullProgress::events() {
  PullEvents events;
  events.opened = [this](std::size_t item, std::uint64_t size, std::uint64_t kept) {
    const std::lock_guard lock(mutex_);
    sizes_[item] = size;
    set(item, kept);
    progress_.set_before(before_ += kept);
  };
  events.advanced = [this](std::size_t item, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    set(item, done_[item] + bytes);
  };
  events.restarted = [this](std::size_t item) {
    const std::lock_guard lock(mutex_);
    set(item, 0);
  };
  events.done = [this](std::size_t item, bool fetched) {
    const std::lock_guard lock(mutex_);
    sizes_.erase(item);
    fetched_files_ += fetched;
    progress_.set_records(++done_files_);
  };
  return events;
}

std::vector<ProgressPart> PullProgress::parts() const {
  const std::lock_guard lock(mutex_);
  std::vector<ProgressPart> parts;
  for (const auto& [item, size] : sizes_) parts.push_back({items_[item].file.path, done_[item], size});
  return parts;
}

}  // namespace atp

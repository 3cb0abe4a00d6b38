#include "core/io/file_handles.h"

#include "core/base/error.h"

namespace atp {

std::shared_ptr<const Fd> FileHandles::open(const std::string& path, FileId id) {
  std::lock_guard lock(mutex_);
  if (const auto found = by_path_.find(path); found != by_path_.end()) {
    newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
    return found->second->fd;
  }
  auto fd = std::make_shared<Fd>(open_for_reading(path));
  if (id_of(status_of(*fd, path)) != id) {
    throw Error(Exit::system, path, "was replaced by another file while it was being read", "run the command again");
  }
  newest_first_.push_front({path, fd});
  by_path_[path] = newest_first_.begin();
  if (newest_first_.size() > most_) {
    by_path_.erase(newest_first_.back().path);
    newest_first_.pop_back();
  }
  return fd;
}

}  // namespace atp

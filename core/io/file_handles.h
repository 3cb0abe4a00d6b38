// Open files for plain reads, no more than a process may have.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/io/fd.h"

namespace atp {

// Opens files when they are asked for and closes those that were not used for longest. Any thread.
class FileHandles {
 public:
  explicit FileHandles(std::size_t most = 128) : most_(most) {}

  // The file that `path` led to when it had this id. It stays open while the result is held. Throws Error:
  // as open_for_reading(); exit 4 when another file has taken its place.
  std::shared_ptr<const Fd> open(const std::string& path, FileId id);

 private:
  struct Entry {
    std::string path;
    std::shared_ptr<const Fd> fd;
  };
  std::size_t most_;
  std::mutex mutex_;
  std::list<Entry> newest_first_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
};

}  // namespace atp

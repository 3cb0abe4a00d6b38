// File descriptors that close themselves, and reads that finish.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/base/byte_reader.h"

namespace atp {

// Owns a file descriptor; move-only. The destructor closes silently: whoever cares about a close
// that fails has synced before.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Opens a regular file for reading. Throws Error: a directory, FIFO or device is refused by name,
// a missing file is exit 3, everything else exit 4.
Fd open_for_reading(const std::string& path);

// Which file a path led to: the same for as long as it exists, whatever is renamed over its path.
struct FileId {
  std::uint64_t device = 0, inode = 0;
  bool operator==(const FileId&) const = default;
};
FileId id_of(const struct stat& status);

// fstat. Throws Error (exit 4).
struct stat status_of(const Fd& fd, const std::string& path);

// Reads until `out` is full or the file ends, from `offset`; returns the bytes read.
// Throws Error (exit 4) on an I/O error, Interrupted on a signal.
std::size_t read_at(const Fd& fd, std::uint64_t offset, std::span<std::byte> out, const std::string& path);

// Reads what one read(2) gives, at most out.size() bytes; 0 at the end. Works on pipes. Throws as read_at.
std::size_t read_some(const Fd& fd, std::span<std::byte> out, const std::string& path);

}  // namespace atp

#include "core/io/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Fd open_for_reading(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to would hang here for ever.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) fail_system(path, "cannot open", errno);
  const struct stat st = status_of(fd, path);
  if (S_ISDIR(st.st_mode)) fail_input(path, "is a directory, a file is needed");
  if (!S_ISREG(st.st_mode)) fail_input(path, "is not a regular file", "save it as a file first");
  return fd;
}

FileId id_of(const struct stat& status) { return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)}; }

struct stat status_of(const Fd& fd, const std::string& path) {
  struct stat st = {};
  if (::fstat(fd.get(), &st) != 0) fail_system(path, "cannot stat", errno);
  return st;
}

namespace {

// Linux moves at most 0x7ffff000 bytes per call; smaller pieces also let a signal in.
constexpr std::size_t kMostPerCall = std::size_t{64} << 20;
constexpr int kSignalCheckMs = 100;

}  // namespace

std::size_t read_at(const Fd& fd, std::uint64_t offset, std::span<std::byte> out, const std::string& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    throw_if_interrupted();
    const ssize_t n = ::pread(fd.get(), out.data() + done, std::min(out.size() - done, kMostPerCall),
                              static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      fail_system(path, "cannot read", errno);
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::size_t read_some(const Fd& fd, std::span<std::byte> out, const std::string& path) {
  for (;;) {
    // A signal may arrive on another thread or just before a read that blocks for ever (a pipe nobody writes to).
    struct pollfd readable = {fd.get(), POLLIN, 0};
    throw_if_interrupted();
    const int ready = ::poll(&readable, 1, kSignalCheckMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t n = ::read(fd.get(), out.data(), std::min(out.size(), kMostPerCall));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR && errno != EAGAIN) fail_system(path, "cannot read", errno);
  }
}

}  // namespace atp

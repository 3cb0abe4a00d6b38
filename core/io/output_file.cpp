#include "core/io/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string_view>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/fd.h"

namespace atp {
namespace {

class RealFile final : public OutputFile {
 public:
  RealFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  const std::string& path() const override { return path_; }

  void write_at(std::uint64_t offset, Bytes bytes) override {
    while (!bytes.empty()) {
      const std::size_t most = std::min(bytes.size(), std::size_t{64} << 20);
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), most, static_cast<off_t>(offset));
      if (n < 0) {
        if (errno == EINTR) continue;
        fail_system(path_, "cannot write", errno);
      }
      if (n == 0) fail_system(path_, "cannot write", EIO);  // no progress: never spin
      offset += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void truncate(std::uint64_t size) override {
    while (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) fail_system(path_, "cannot truncate", errno);
    }
  }

  void sync_data() override {
    while (::fdatasync(fd_.get()) != 0) {
      if (errno != EINTR) fail_system(path_, "cannot sync", errno);
    }
  }

  void sync_all() override {
    while (::fsync(fd_.get()) != 0) {
      if (errno != EINTR) fail_system(path_, "cannot sync", errno);
    }
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    // A hint: file systems that do not know it lose nothing.
    (void)::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                            SYNC_FILE_RANGE_WRITE);
  }

  std::uint64_t size() override { return static_cast<std::uint64_t>(status_of(fd_, path_).st_size); }

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override {
    return atp::read_at(fd_, offset, out, path_);
  }

  MappedFile map() override { return MappedFile(fd_, path_); }

 private:
  Fd fd_;
  std::string path_;
};

std::string folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

void sync_directory_of(const std::string& path) {
  const std::string folder = folder_of(path);
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) fail_system(folder, "cannot open", errno);
  // EINVAL, ENOTSUP: some network file systems cannot sync a directory, and need not.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_system(folder, "cannot sync", errno);
}

[[noreturn]] void fail_exists(const std::string& path) {
  throw Error(Exit::system, path, "exists already", "pass --force to replace it");
}

void lock_or_fail(const Fd& fd, const std::string& path) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) {
    throw Error(Exit::system, path, "another process is writing to it", "wait until it has finished");
  }
  // ENOSYS, ENOTSUP, ENOLCK: file systems without locks (some Lustre and NFS mounts).
  if (errno != ENOSYS && errno != ENOTSUP && errno != ENOLCK) fail_system(path, "cannot lock", errno);
}

// Whether the name still stands for the file that was opened: it may have been replaced before the lock.
bool is_at(const Fd& fd, const std::string& path) {
  struct stat named = {};
  const struct stat opened = status_of(fd, path);
  return ::stat(path.c_str(), &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Whether link(2) failed because this file system has no hard links (FAT, some FUSE and network mounts).
bool no_links_here(int error) {
  return error == EPERM || error == ENOTSUP || error == ENOSYS || error == EMLINK || error == EINVAL;
}

class RealDisk final : public Disk {
 public:
  std::unique_ptr<OutputFile> create_beside(const std::string& target) override {
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0; attempt < 1000; ++attempt) {
      std::string path = fmt::format("{}.tmp-{}-{}", target, ::getpid(), counter++);
      Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (fd) return std::make_unique<RealFile>(std::move(fd), std::move(path));
      if (errno == EEXIST) continue;  // a killed process of the same number left it behind
      if (errno == ENOENT) {
        throw Error(Exit::system, target, "cannot create: the folder does not exist", "make it with mkdir -p");
      }
      fail_system(target, "cannot create a temporary file beside it", errno);
    }
    fail_system(target, "cannot create a temporary file beside it", EEXIST);
  }

  std::unique_ptr<OutputFile> open_existing(const std::string& path) override {
    for (int attempt = 0; attempt < 100; ++attempt) {
      Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
      if (!fd) fail_system(path, "cannot open for writing", errno);
      if (!S_ISREG(status_of(fd, path).st_mode)) fail_input(path, "is not a regular file");
      lock_or_fail(fd, path);
      if (is_at(fd, path)) return std::make_unique<RealFile>(std::move(fd), path);
    }
    throw Error(Exit::system, path, "is replaced again and again by other processes", "wait until they have finished");
  }

  void rename(const std::string& from, const std::string& to, bool replace) override {
    replace ? replace_by_rename(from, to) : rename_to_new(from, to);
    sync_directory_of(to);
  }

  void remove(const std::string& path) noexcept override { ::unlink(path.c_str()); }

 private:
  static void replace_by_rename(const std::string& from, const std::string& to) {
    // A rename would put the file in the place of a device, /dev/null among them.
    struct stat there = {};
    if (::lstat(to.c_str(), &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) fail_input(to, "is not a regular file");
    // Whoever appends to the old file holds its lock, and would commit to a file without a name.
    const Fd old(::open(to.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (old) lock_or_fail(old, to);
    if (::rename(from.c_str(), to.c_str()) != 0) fail_system(to, "cannot rename onto it", errno);
  }

  static void rename_to_new(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) == 0) {  // link refuses an existing name, atomically
      ::unlink(from.c_str());
      return;
    }
    if (errno == EEXIST) fail_exists(to);
    if (!no_links_here(errno)) fail_system(to, "cannot rename onto it", errno);
    if (::access(to.c_str(), F_OK) == 0) fail_exists(to);  // not atomic, but all there is
    if (::rename(from.c_str(), to.c_str()) != 0) fail_system(to, "cannot rename onto it", errno);
  }
};

// The process number in "x.atp.tmp-123-0"; 0 when the name is none of ours.
pid_t owner_of(std::string_view name) {
  constexpr std::string_view kMark = ".tmp-";
  const auto mark = name.rfind(kMark);
  if (mark == std::string_view::npos) return 0;
  name.remove_prefix(mark + kMark.size());
  pid_t pid = 0;
  unsigned number = 0;
  const char* const end = name.data() + name.size();
  const auto [dash, error] = std::from_chars(name.data(), end, pid);
  if (error != std::errc() || dash == end || *dash != '-') return 0;
  const auto [last, error_too] = std::from_chars(dash + 1, end, number);
  return error_too == std::errc() && last == end ? pid : 0;
}

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

void write_text_file(const std::string& path, std::string_view text, bool replace, Disk& disk) {
  const auto file = disk.create_beside(path);
  try {
    file->write_at(0, as_bytes(text));
    file->sync_all();
    disk.rename(file->path(), path, replace);
  } catch (...) {
    disk.remove(file->path());
    throw;
  }
}

// A killed process whose parent does not ask for it (in a container without init) keeps its number, but
// has no program any more.
bool is_gone(pid_t process) {
  if (::kill(process, 0) != 0) return errno == ESRCH;
  char program[1];
  return ::readlink(fmt::format("/proc/{}/exe", process).c_str(), program, sizeof program) < 0 && errno == ENOENT &&
         ::access("/proc/self/exe", F_OK) == 0;
}

bool is_leftover(std::string_view path) {
  const pid_t owner = owner_of(path);
  return owner > 0 && is_gone(owner);
}

std::vector<std::string> leftovers_of(const std::string& target) {
  namespace fs = std::filesystem;
  const std::string prefix = fs::path(target).filename().string() + ".tmp-";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder_of(target), error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix) && is_leftover(at->path().native())) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace atp

#include "core/io/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>

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

 private:
  Fd fd_;
  std::string path_;
};

void sync_directory_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) fail_system(folder, "cannot open", errno);
  // EINVAL, ENOTSUP: some network file systems cannot sync a directory, and need not.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_system(folder, "cannot sync", errno);
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
    Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd) fail_system(path, "cannot open for writing", errno);
    if (!S_ISREG(status_of(fd, path).st_mode)) fail_input(path, "is not a regular file");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      // ENOSYS, ENOTSUP, ENOLCK: file systems without locks (some Lustre and NFS mounts).
      if (errno == EWOULDBLOCK) {
        throw Error(Exit::system, path, "another process is writing to it", "wait until it has finished");
      }
      if (errno != ENOSYS && errno != ENOTSUP && errno != ENOLCK) fail_system(path, "cannot lock", errno);
    }
    return std::make_unique<RealFile>(std::move(fd), path);
  }

  void rename(const std::string& from, const std::string& to, bool replace) override {
    if (replace) {
      if (::rename(from.c_str(), to.c_str()) != 0) fail_system(to, "cannot rename onto it", errno);
    } else if (::link(from.c_str(), to.c_str()) == 0) {  // link refuses an existing name, atomically
      ::unlink(from.c_str());
    } else if (errno == EEXIST) {
      throw Error(Exit::system, to, "exists already", "pass --force to replace it");
    } else {  // no hard links here (some FUSE and network mounts): the check is then not atomic
      if (::access(to.c_str(), F_OK) == 0) throw Error(Exit::system, to, "exists already", "pass --force to replace it");
      if (::rename(from.c_str(), to.c_str()) != 0) fail_system(to, "cannot rename onto it", errno);
    }
    sync_directory_of(to);
  }

  void remove(const std::string& path) noexcept override { ::unlink(path.c_str()); }
};

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

}  // namespace atp

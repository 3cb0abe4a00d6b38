#include "core/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace atp {

MappedFile::MappedFile(const std::string& path) : MappedFile(open_for_reading(path), path) {}

MappedFile::MappedFile(const Fd& fd, const std::string& path) {
  const struct stat status = status_of(fd, path);
  id_ = id_of(status);
  tells_residence_ = status.st_uid == ::geteuid() || ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;  // mmap refuses a length of 0
  void* p = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (p == MAP_FAILED) fail_system(path, "cannot map", errno);
  bytes_ = {static_cast<const std::byte*>(p), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})), id_(other.id_), tells_residence_(other.tells_residence_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(id_, other.id_);
  std::swap(tells_residence_, other.tells_residence_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

namespace {

const char* g_command = "";

// Only what is async-signal-safe happens here.
void report_bus_error(int) {
  const auto say = [](const char* s) { return ::write(STDERR_FILENO, s, std::strlen(s)); };
  (void)(say("atp: ") + say(g_command) +
         say(": a mapped input could not be read: it was cut short while in use, or its disk failed; "
             "check it with atp verify, which reads without a map\n"));
  ::_exit(static_cast<int>(Exit::system));
}

}  // namespace

void guard_mapped_reads(const char* command) {
  g_command = command;
  struct sigaction action = {};
  action.sa_handler = report_bus_error;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace atp

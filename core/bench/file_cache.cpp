#include "core/bench/file_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/fd.h"

namespace atp {
namespace {

constexpr std::uint64_t kLook = std::uint64_t{1} << 30;  // bytes of a file that are looked at in one go
constexpr std::size_t kRead = std::size_t{4} << 20;
constexpr std::uint64_t kPopulate = std::uint64_t{256} << 20;

struct Pages {
  std::uint64_t resident = 0, all = 0;
};

Pages pages_of(const std::string& path) {
  const Fd fd = open_for_reading(path);
  const auto size = static_cast<std::uint64_t>(status_of(fd, path).st_size);
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  Pages pages;
  std::vector<unsigned char> states;
  for (std::uint64_t at = 0; at < size; at += kLook) {
    throw_if_interrupted();
    const std::uint64_t length = std::min(kLook, size - at);
    void* map = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(at));
    if (map == MAP_FAILED) fail_system(path, "map", errno);
    states.assign((length + page - 1) / page, 1);
    const int code = ::mincore(map, length, states.data()) == 0 ? 0 : errno;
    ::munmap(map, length);
    if (code != 0) fail_system(path, "look at the page cache", code);
    pages.all += states.size();
    for (const unsigned char s : states) pages.resident += s & 1;
  }
  return pages;
}

// Where the system can: whole large pages, as it makes them itself of all but the beginning of a long file. Of a short one
// that is read plainly half would be in small pages, whose lookup takes part of the time of a shuffled read.
bool read_into_large_pages(const Fd& fd, const std::string& path) {
#ifdef MADV_POPULATE_READ
  const auto size = static_cast<std::uint64_t>(status_of(fd, path).st_size);
  for (std::uint64_t at = 0; at < size; at += kPopulate) {
    throw_if_interrupted();
    const std::uint64_t length = std::min(kPopulate, size - at);
    void* map = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(at));
    if (map == MAP_FAILED) return false;
    const bool read = ::madvise(map, length, MADV_HUGEPAGE) == 0 && ::madvise(map, length, MADV_POPULATE_READ) == 0;
    ::munmap(map, length);
    if (!read) return false;
  }
  return true;
#else
  (void)fd, (void)path;
  return false;
#endif
}

}  // namespace

double resident_share(const std::vector<std::string>& files) {
  Pages sum;
  for (const auto& path : files) {
    const Pages p = pages_of(path);
    sum.resident += p.resident;
    sum.all += p.all;
  }
  return sum.all == 0 ? 0 : static_cast<double>(sum.resident) / static_cast<double>(sum.all);
}

double drop_from_cache(const std::vector<std::string>& files) {
  for (const auto& path : files) {
    const Fd fd = open_for_reading(path);
    (void)::fdatasync(fd.get());  // dirty pages are not dropped; where it is refused, the look below tells
    (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  return resident_share(files);
}

void read_into_cache(const std::vector<std::string>& files) {
  std::vector<std::byte> buffer(kRead);
  for (const auto& path : files) {
    const Fd fd = open_for_reading(path);
    if (read_into_large_pages(fd, path)) continue;
    while (read_some(fd, buffer, path) != 0) throw_if_interrupted();
  }
}

void settle_folder(const std::string& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP)) fail_system(folder, "sync", errno);
}

}  // namespace atp

#include "core/io/page_cache.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace atp {
namespace {

const std::uintptr_t kPage = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));

void advise(Bytes mapped, int advice) {
  if (mapped.empty()) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data()) & ~(kPage - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(mapped.data()) + mapped.size();
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, advice);  // a hint: refused is as good as not given
}

}  // namespace

bool is_resident(const std::byte* address) {
  unsigned char state = 1;
  const auto page = reinterpret_cast<std::uintptr_t>(address) & ~(kPage - 1);
  return ::mincore(reinterpret_cast<void*>(page), 1, &state) != 0 || (state & 1) != 0;
}

bool reads_at_once(const Fd& fd, std::uint64_t offset) {
  constexpr auto kFromMemory = std::chrono::microseconds(30);  // a read of a page in memory takes 1, of a fast disk 60
  char byte = 0;
  const iovec place{&byte, 1};
  if (::preadv2(fd.get(), &place, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0) return true;
  if (errno == EAGAIN) return false;
  const auto start = std::chrono::steady_clock::now();  // a file system that cannot say
  (void)::preadv2(fd.get(), &place, 1, static_cast<off_t>(offset), 0);
  return std::chrono::steady_clock::now() - start < kFromMemory;
}

std::vector<bool> resident_runs(Bytes mapped, std::size_t pages_each) {
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data()) & ~(kPage - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(mapped.data()) + mapped.size();
  std::vector<unsigned char> states((end - begin + kPage - 1) / kPage, 1);
  if (::mincore(reinterpret_cast<void*>(begin), end - begin, states.data()) != 0) std::fill(states.begin(), states.end(), 1);
  std::vector<bool> runs((states.size() + pages_each - 1) / pages_each);
  for (std::size_t page = 0; page < states.size(); ++page) {
    if ((states[page] & 1) != 0) runs[page / pages_each] = true;
  }
  return runs;
}

void announce_read(Bytes mapped) { advise(mapped, MADV_WILLNEED); }

void let_go(Bytes mapped) { advise(mapped, MADV_DONTNEED); }

void expect_random_reads(Bytes mapped, bool random) { advise(mapped, random ? MADV_RANDOM : MADV_NORMAL); }

}  // namespace atp

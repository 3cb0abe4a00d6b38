#include "core/io/page_cache.h"

#include <sys/mman.h>
#include <unistd.h>

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

void announce_read(Bytes mapped) { advise(mapped, MADV_WILLNEED); }

void let_go(Bytes mapped) { advise(mapped, MADV_DONTNEED); }

void expect_random_reads(Bytes mapped, bool random) { advise(mapped, random ? MADV_RANDOM : MADV_NORMAL); }

}  // namespace atp

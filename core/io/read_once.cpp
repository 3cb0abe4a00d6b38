#include "core/io/read_once.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/io/page_cache.h"

namespace atp {
namespace {

constexpr std::size_t kPage = 4096;  // pages of up to 64 kB divide a block, too
constexpr std::size_t kPagesEach = 16;
constexpr std::uint64_t kBlock = kPagesEach * kPage;
constexpr std::uint64_t kWindow = std::uint64_t{64} << 20;      // is looked at closely when a sample of it is in memory
constexpr std::uint64_t kSampled = std::uint64_t{1} << 20;      // a page of each
constexpr std::uint64_t kWorthACall = std::uint64_t{16} << 20;  // bytes that are forgotten at a time

bool any_sample_resident(Bytes window) {
  for (std::uint64_t at = 0; at < window.size(); at += kSampled) {
    if (is_resident(window.data() + at)) return true;
  }
  return is_resident(window.data() + window.size() - 1);
}

}  // namespace

ReadOnce::ReadOnce(std::string path, FileId id, Bytes mapped) : path_(std::move(path)), id_(id), mapped_(mapped) {
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / kPage;
  stays_.reserve((mapped.size() + kBlock - 1) / kBlock);
  for (std::uint64_t at = 0; at < mapped.size(); at += kWindow) {
    const Bytes window = mapped.subspan(at, std::min<std::uint64_t>(kWindow, mapped.size() - at));
    const std::size_t blocks = (window.size() + kBlock - 1) / kBlock;
    if (!any_sample_resident(window)) {
      stays_.insert(stays_.end(), blocks, false);
    } else {
      const std::vector<bool> runs = resident_runs(window, std::max<std::size_t>(1, kPagesEach / pages));
      stays_.insert(stays_.end(), runs.begin(), runs.end());
    }
  }
}

void ReadOnce::passed(std::uint64_t end) {
  const std::size_t blocks = std::min<std::uint64_t>(end / kBlock, stays_.size());
  if (blocks <= passed_ || (blocks - passed_) * kBlock < kWorthACall) return;
  forget(passed_, blocks);
  passed_ = blocks;
}

void ReadOnce::finish() {
  // All of it once more: what the system keeps in large pieces does not end where blocks do.
  forget(0, stays_.size());
  stays_.clear();
  fd_ = Fd();
}

void ReadOnce::forget(std::size_t begin, std::size_t end) {
  while (begin < end) {
    const auto first = std::find(stays_.begin() + static_cast<std::ptrdiff_t>(begin), stays_.begin() + static_cast<std::ptrdiff_t>(end), false);
    const auto last = std::find(first, stays_.begin() + static_cast<std::ptrdiff_t>(end), true);
    begin = static_cast<std::size_t>(last - stays_.begin());
    if (first == last) return;
    try {
      if (!fd_) {
        Fd fd = open_for_reading(path_);
        if (id_of(status_of(fd, path_)) != id_) return;
        fd_ = std::move(fd);
      }
    } catch (const Error&) {
      return;  // it was only a courtesy
    }
    const std::uint64_t from = static_cast<std::uint64_t>(first - stays_.begin()) * kBlock;
    const std::uint64_t length = std::min<std::uint64_t>(static_cast<std::uint64_t>(last - first) * kBlock, mapped_.size() - from);
    let_go(mapped_.subspan(from, length));  // pages that are mapped are not dropped
    (void)::posix_fadvise(fd_.get(), static_cast<off_t>(from), static_cast<off_t>(length), POSIX_FADV_DONTNEED);
  }
}

}  // namespace atp

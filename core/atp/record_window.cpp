#include "core/atp/record_window.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/io/page_cache.h"

namespace atp {
namespace {

constexpr std::size_t kCacheLine = 64;
// Of long records the first lines are enough: from there on the processor sees the pattern itself.
constexpr std::size_t kWholeRecord = 2048, kFirstLines = 4 * kCacheLine;

void prefetch_lines(Bytes bytes) {
  // From the beginning of a line, or the last one would be missed.
  const std::byte* at = bytes.data() - (reinterpret_cast<std::uintptr_t>(bytes.data()) & (kCacheLine - 1));
  for (; at < bytes.data() + bytes.size(); at += kCacheLine) __builtin_prefetch(at);
  // g++ takes a function that only prefetches for one without effect, and drops the calls to whatever calls only it.
  __asm__ volatile("");
}

}  // namespace

void fail_cut_short(const std::string& path) { throw Error(Exit::system, path, "was cut short while it was being read"); }

RecordWindow::RecordWindow(const Dataset& dataset, std::span<const std::uint64_t> indices, bool cold)
    : dataset_(dataset), indices_(indices), cold_(cold), locate_ahead_(cold ? 384 : 16), entry_ahead_(cold ? 128 : 8), prefetch_ahead_(8) {}

// What is wrong with a record is said when its turn comes, so that the ones before it are read first.
template <class Step>
void RecordWindow::advance(std::size_t& done, std::size_t end, std::size_t place, Step&& step) {
  try {
    for (; done < end; ++done) step(done);
  } catch (const Error&) {
    if (done == place) throw;
  }
}

const LocatedRecord& RecordWindow::at(std::size_t place) {
  const auto until = [&](std::size_t ahead) { return std::min(indices_.size(), place + ahead + 1); };
  advance(located_, until(locate_ahead_), place, [&](std::size_t p) { locate(p); });
  advance(entries_, std::min(located_, until(entry_ahead_)), place, [&](std::size_t p) { read_entry(p); });
  for (const std::size_t end = std::min(entries_, until(prefetch_ahead_)); prefetched_ < end; ++prefetched_) prefetch(prefetched_);
  return slot(place);
}

void RecordWindow::locate(std::size_t place) {
  const Dataset::Place found = dataset_.locate(indices_[place]);
  LocatedRecord& r = slot(place);
  r.shard = &dataset_.shards()[found.shard];
  r.record = found.record;
  const std::byte* entry = r.shard->entry_address(r.record);
  if (cold_) {
    announce_read({entry, sizeof(RawIndexEntry)});
  } else {
    __builtin_prefetch(entry);
  }
}

void RecordWindow::read_entry(std::size_t place) {
  LocatedRecord& r = slot(place);
  r.entry = r.shard->entry(r.record);
  if (cold_) announce_read(r.shard->stored(r.entry));
}

void RecordWindow::prefetch(std::size_t place) {
  const LocatedRecord& r = slot(place);
  const Bytes stored = r.shard->stored(r.entry);
  if (stored.size() <= kWholeRecord) return prefetch_lines(stored);
  prefetch_lines(stored.first(kFirstLines));
  if (r.shard->slot().codec != 0) return;
  // Where sections begin and end, which are read one after the other.
  const std::uint64_t sections = r.entry.atoms * std::uint64_t{r.shard->positions_type() == Type::vec3_f32 ? 13u : 25u};
  if (sections + kFirstLines < stored.size()) prefetch_lines(stored.subspan(sections, kFirstLines));
  prefetch_lines(stored.last(kFirstLines));
}

}  // namespace atp

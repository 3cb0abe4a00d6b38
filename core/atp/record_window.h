// The records that are about to be read: located, announced and prefetched ahead. Private to the batch reader.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "core/atp/dataset.h"
#include "core/io/page_cache.h"

namespace atp {

// A record that was located.
struct LocatedRecord {
  const Reader* shard;
  std::uint64_t record;  // within the shard
  IndexEntry entry;
};

// Fetches the bytes into the cache, of long ones the beginning: from there on the processor sees the pattern itself.
// Into the second level, for that level has room for more fetches at a time: where the first has no room left, it drops a
// prefetch or waits (measured on an EPYC: twice as fast as into the first for records of 1.7 kB). As many steps for as
// many bytes, wherever they begin, so that records of one size cost no mispredicted branch.
inline void prefetch_record(Bytes stored) {
  constexpr std::size_t kCacheLine = 64, kMost = 8192;
  const std::size_t size = std::min(stored.size(), kMost);
  for (std::size_t at = 0; at < size; at += kCacheLine) __builtin_prefetch(stored.data() + at, 0, 2);
  if (size != 0) __builtin_prefetch(stored.data() + size - 1, 0, 2);
  // g++ takes a function that only prefetches for one without effect, and drops the calls to whatever calls only it.
  __asm__ volatile("");
}

// For plain reads of a record that end too early. Throws Error (exit 4).
[[noreturn]] void fail_cut_short(const std::string& path);

// Walks over an index list, some records ahead of the one that is asked for. One thread.
class RecordWindow {
 public:
  // `cold`: the files are not in memory, so reads are announced long before they are needed. `checksums`: they are
  // fetched, too.
  RecordWindow(const Dataset& dataset, std::span<const std::uint64_t> indices, bool cold, bool checksums);

  // The record at `place` of the list; places are asked for in sequence from 0. Valid until the next
  // call. Throws Error (exit 3): an index out of range, an entry that points nowhere.
  const LocatedRecord& at(std::size_t place) {
    // Each stage is as far ahead as it shall be, so that one step of each keeps it there.
    if (located_ < indices_.size()) locate(located_++);
    if (entries_ < indices_.size()) read_entry(entries_++);
    if (prefetched_ < indices_.size()) prefetch(prefetched_++);
    if (checksums_ && place + kSoon < indices_.size()) prefetch_closer(place + kSoon);
    const LocatedRecord& r = slot(place);
    if (r.shard == nullptr) [[unlikely]] fail(place);
    return r;
  }

 private:
  // Powers of two above all distances. Few of them when warm, for they take part of the smallest cache.
  static constexpr std::size_t kColdSize = 512, kWarmSize = 32;
  static constexpr std::size_t kSoon = 2;  // places ahead

  LocatedRecord& slot(std::size_t place) { return ring_[place & mask_]; }
  // What is wrong with a record is said when its turn comes, so that the ones before it are read first: until then
  // it has no shard.
  void locate(std::size_t place);
  void read_entry(std::size_t place);
  void prefetch(std::size_t place);
  void prefetch_closer(std::size_t place);
  void expect(const std::byte* address, std::size_t bytes);
  [[noreturn]] void fail(std::size_t place) const;

  const Dataset& dataset_;
  std::span<const std::uint64_t> indices_;
  bool cold_, checksums_;
  std::size_t mask_;
  std::size_t located_ = 0, entries_ = 0, prefetched_ = 0;  // done up to here
  std::array<LocatedRecord, kColdSize> ring_;
};

inline void RecordWindow::expect(const std::byte* address, std::size_t bytes) {
  if (cold_) {
    announce_read({address, bytes});
  } else {
    __builtin_prefetch(address);
  }
}

inline void RecordWindow::locate(std::size_t place) {
  LocatedRecord& r = slot(place);
  const std::uint64_t index = dataset_.from_start(indices_[place]);
  if (index >= dataset_.size()) [[unlikely]] {
    r.shard = nullptr;
    return;
  }
  const Dataset::Place found = dataset_.locate(index);
  r.shard = &dataset_.shards()[found.shard];
  r.record = found.record;
  expect(r.shard->entry_address(r.record), sizeof(RawIndexEntry));
  if (checksums_ && r.shard->has_checksums()) expect(r.shard->checksum_address(r.record), sizeof(std::uint64_t));
}

inline void RecordWindow::read_entry(std::size_t place) {
  LocatedRecord& r = slot(place);
  if (r.shard == nullptr) return;
  if (!r.shard->find_entry(r.record, r.entry)) [[unlikely]] {
    r.shard = nullptr;
  } else if (cold_) {
    announce_read(r.shard->stored(r.entry));
  }
}

inline void RecordWindow::prefetch(std::size_t place) {
  const LocatedRecord& r = slot(place);
  if (r.shard != nullptr) prefetch_record(r.shard->stored(r.entry));
}

// From the second level into the first. Checking a checksum takes so many instructions that the processor does not look
// as far as the next record by itself (measured: 8 % of the time for records of 340 bytes).
inline void RecordWindow::prefetch_closer(std::size_t place) {
  constexpr std::size_t kCacheLine = 64, kMost = 512;
  const LocatedRecord& r = slot(place);
  if (r.shard == nullptr) return;
  const std::byte* bytes = r.shard->stored(r.entry).data();
  for (std::size_t at = 0; at < std::min<std::size_t>(r.entry.stored, kMost); at += kCacheLine) __builtin_prefetch(bytes + at);
}

}  // namespace atp

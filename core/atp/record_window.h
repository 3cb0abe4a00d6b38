// The records that are about to be read: located, announced and prefetched ahead. Private to the batch reader.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "core/atp/dataset.h"
#include "core/atp/prefetcher.h"
#include "core/io/page_cache.h"

namespace atp {

// A record that was located.
struct LocatedRecord {
  const Reader* shard;
  std::uint64_t record;  // within the shard
  IndexEntry entry;
};

// For plain reads of a record that end too early. Throws Error (exit 4).
[[noreturn]] void fail_cut_short(const std::string& path);

// Walks over an index list, some records ahead of the one that is asked for. One thread.
class RecordWindow {
 public:
  // `cold`: the files are not in memory, so reads are announced long before they are needed. `checksums`: they are
  // fetched, too. `prefetcher` has a record to fetch until the one asked for is done().
  RecordWindow(const Dataset& dataset, std::span<const std::uint64_t> indices, Prefetcher& prefetcher, bool cold, bool checksums);
  RecordWindow(const RecordWindow&) = delete;
  RecordWindow& operator=(const RecordWindow&) = delete;
  ~RecordWindow() { prefetcher_.begin({}); }

  // The record at `place` of the list; places are asked for in sequence from 0. Valid until done(). Throws Error (exit
  // 3): an index out of range, an entry that points nowhere.
  const LocatedRecord& at(std::size_t place) {
    if (place + locate_ahead_ < indices_.size()) locate(place + locate_ahead_);
    if (place + entry_ahead_ < indices_.size()) read_entry(place + entry_ahead_);
    if (place + kPrefetchAhead < indices_.size()) {
      prefetcher_.begin(stored(place + kPrefetchAhead));
      prefetcher_.fetch_some();
    }
    const LocatedRecord& r = slot(place);
    if (r.shard == nullptr) [[unlikely]] fail(place);
    return r;
  }
  // The record that was asked for is not needed any more.
  void done() { prefetcher_.fetch_rest(); }

 private:
  // Powers of two above all distances. Few of them when warm, for they take part of the smallest cache.
  static constexpr std::size_t kColdSize = 512, kWarmSize = 32;
  static constexpr std::size_t kPrefetchAhead = 8;

  LocatedRecord& slot(std::size_t place) { return ring_[place & mask_]; }
  // What is wrong with a record is said when its turn comes, so that the ones before it are read first: until then
  // it has no shard.
  void locate(std::size_t place);
  void read_entry(std::size_t place);
  Bytes stored(std::size_t place);
  void expect(const std::byte* address, std::size_t bytes);
  [[noreturn]] void fail(std::size_t place) const;

  const Dataset& dataset_;
  std::span<const std::uint64_t> indices_;
  Prefetcher& prefetcher_;
  bool cold_, checksums_;
  std::size_t mask_;
  std::size_t locate_ahead_, entry_ahead_;
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

// Nothing when the record's turn will be an error.
inline Bytes RecordWindow::stored(std::size_t place) {
  const LocatedRecord& r = slot(place);
  return r.shard != nullptr ? r.shard->stored(r.entry) : Bytes{};
}

}  // namespace atp

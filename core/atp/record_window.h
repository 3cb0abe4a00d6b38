// The records that are about to be read: located, announced and prefetched ahead. Private to the batch reader.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/atp/dataset.h"

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
  // `cold`: the files are not in memory, so reads are announced long before they are needed.
  RecordWindow(const Dataset& dataset, std::span<const std::uint64_t> indices, bool cold);

  // The record at `place` of the list; places are asked for in sequence from 0. Valid until the next
  // call. Throws Error (exit 3): an index out of range, an entry that points nowhere.
  const LocatedRecord& at(std::size_t place);

 private:
  static constexpr std::size_t kSize = 512;  // a power of two above all distances

  LocatedRecord& slot(std::size_t place) { return ring_[place & (kSize - 1)]; }
  template <class Step>
  void advance(std::size_t& done, std::size_t end, std::size_t place, Step&& step);
  void locate(std::size_t place);
  void read_entry(std::size_t place);
  void prefetch(std::size_t place);

  const Dataset& dataset_;
  std::span<const std::uint64_t> indices_;
  bool cold_;
  // How far ahead: the index entry is fetched, then read and its record announced, then prefetched.
  std::size_t locate_ahead_, entry_ahead_, prefetch_ahead_;
  std::size_t located_ = 0, entries_ = 0, prefetched_ = 0;  // done up to here
  std::array<LocatedRecord, kSize> ring_;
};

}  // namespace atp

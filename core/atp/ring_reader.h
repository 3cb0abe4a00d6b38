// Records by many reads at once through io_uring. Private to the batch reader.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/atp/record_window.h"
#include "core/io/file_handles.h"
#include "core/io/read_ring.h"

namespace atp {

// One thread. Memory is kept from list to list.
class RingReader {
 public:
  // Borrows both. Throws as ReadRing.
  RingReader(const Dataset& dataset, FileHandles& files);

  // The place in the list, where the record lies, and its stored bytes, valid during the call.
  using StoredFn = std::function<void(std::size_t place, const LocatedRecord&, Bytes stored)>;

  // Calls fn for every index in the order given. What is wrong with a record is thrown when its turn comes.
  void for_each(std::span<const std::uint64_t> indices, const StoredFn& fn);

 private:
  static constexpr std::size_t kDepth = 128;
  static constexpr std::uint64_t kMostBytes = 64 << 20;  // under way, but for one record
  static constexpr std::size_t kMostKept = 1 << 20;      // bytes of memory that stay with each place of the ring
  static constexpr std::size_t kEntriesAhead = 384;      // index entries that the kernel is told of

  struct Read {
    LocatedRecord where = {};
    std::shared_ptr<const Fd> file;
    std::vector<std::byte> bytes;
    bool done = false;
    std::exception_ptr error;
  };

  Read& read(std::size_t place) { return reads_[place % kDepth]; }
  void start(std::size_t place, std::uint64_t index);
  void finish(Read& read, int result);

  const Dataset& dataset_;
  FileHandles& files_;
  std::vector<Read> reads_;
  std::uint64_t bytes_ahead_ = 0;
  ReadRing ring_;  // last: drained before the memory it fills goes away
};

}  // namespace atp

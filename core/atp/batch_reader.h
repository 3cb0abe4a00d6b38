// Many records in the order a trainer asks for them, as fast as memory, disk or network give them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "core/atp/dataset.h"
#include "core/atp/prefetcher.h"

namespace atp {

// How records come into memory.
enum class Io {
  automatic,  // map; what a short measurement prefers for files that are not in memory
  map,        // the mapped file, with reads announced ahead where it is not in memory
  pread,      // plain reads on many threads, for file systems that ignore announcements
  uring,      // many reads at once through io_uring, where there is one
};
std::string_view io_name(Io io);

struct BatchOptions {
  Io io = Io::automatic;
  bool verify = false;  // hold every record against its checksum, where the file has one
  bool once = false;    // no record is asked for twice, and in ascending order: what was read leaves memory again (OnePass)
};

// Called with the place in the index list and the record, which is valid during the call.
using RecordFn = std::function<void(std::size_t place, const RecordView&)>;

// One thread; threads that cut a list by range have one each and share the dataset, which it borrows.
class BatchReader {
 public:
  explicit BatchReader(const Dataset& dataset, BatchOptions options = {});
  BatchReader(BatchReader&&) noexcept;
  ~BatchReader();

  // Calls fn for every index, in the order given; an index may come more than once, and negative ones count from the
  // end: -1 is the last record. Throws Error
  // (exit 3) naming file and record, after fn has had the records before it; with Io::uring also where there is
  // no io_uring (exit 2 or 4). With Io::pread fn is
  // called on other threads, one call at a time.
  void for_each(std::span<const std::uint64_t> indices, const RecordFn& fn);
  void for_each(std::span<const std::int64_t> indices, const RecordFn& fn) { for_each(as_unsigned(indices), fn); }

  // Two's complement, as for_each() takes it.
  static std::span<const std::uint64_t> as_unsigned(std::span<const std::int64_t> indices) {
    return {reinterpret_cast<const std::uint64_t*>(indices.data()), indices.size()};
  }

  // Has something to fetch while fn is called: if fn copies with it, the records after are fetched faster.
  Prefetcher& prefetcher();

  // How the records of the last call came into memory (never Io::automatic).
  Io used() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace atp

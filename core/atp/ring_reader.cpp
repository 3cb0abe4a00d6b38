#include "core/atp/ring_reader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/error.h"
#include "core/base/interrupt.h"
#include "core/io/page_cache.h"

namespace atp {

RingReader::RingReader(const Dataset& dataset, FileHandles& files) : dataset_(dataset), files_(files), reads_(kDepth), ring_(kDepth) {}

void RingReader::for_each(std::span<const std::uint64_t> indices, const StoredFn& fn) {
  bytes_ahead_ = 0;
  std::size_t announced = 0, started = 0;
  try {
    for (std::size_t place = 0; place < indices.size(); ++place) {
      for (; announced < std::min(indices.size(), place + kEntriesAhead); ++announced) {
        if (dataset_.from_start(indices[announced]) >= dataset_.size()) continue;
        const Dataset::Place at = dataset_.locate(indices[announced]);
        announce_read({dataset_.shards()[at.shard].entry_address(at.record), sizeof(RawIndexEntry)});
      }
      const std::size_t end = std::min(indices.size(), place + kDepth);
      for (; started < end && (started == place || bytes_ahead_ < kMostBytes); ++started) start(started, indices[started]);
      Read& current = read(place);
      while (!current.done) {
        const ReadRing::Done done = ring_.wait();
        finish(reads_[done.tag], done.result);
      }
      throw_if_interrupted();
      if (current.error) std::rethrow_exception(current.error);
      bytes_ahead_ -= current.bytes.size();
      fn(place, current.where, current.bytes);
      if (current.bytes.capacity() > kMostKept) current.bytes = {};
    }
  } catch (...) {
    ring_.drain();
    throw;
  }
}

void RingReader::start(std::size_t place, std::uint64_t index) {
  Read& r = read(place);
  r.error = nullptr;
  r.done = false;
  r.bytes.clear();
  try {
    const Dataset::Place found = dataset_.locate(index);
    const Reader& shard = dataset_.shards()[found.shard];
    r.where = {&shard, found.record, shard.entry(found.record)};
    r.file = files_.open(shard.path(), shard.file_id());
    r.bytes.resize(r.where.entry.stored);
    bytes_ahead_ += r.bytes.size();
    ring_.start(place % kDepth, *r.file, r.where.entry.offset, r.bytes);
  } catch (const Error&) {
    r.error = std::current_exception();
    r.done = true;
  }
}

// The kernel may give less than it was asked for; what is left is read plainly, and says what is wrong.
void RingReader::finish(Read& r, int result) {
  r.done = true;
  const std::size_t got = result < 0 ? 0 : static_cast<std::size_t>(result);
  if (got == r.bytes.size()) return;
  try {
    const std::string& path = r.where.shard->path();
    if (got + read_at(*r.file, r.where.entry.offset + got, std::span(r.bytes).subspan(got), path) != r.bytes.size()) fail_cut_short(path);
  } catch (const Error&) {
    r.error = std::current_exception();
  }
}

}  // namespace atp

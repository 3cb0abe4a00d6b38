// An .atp file on a server, of which only the pieces that are needed are fetched.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/atp/reader.h"
#include "core/hub/client.h"
#include "core/hub/hub.h"

namespace atp {

// [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin, end;
};

// Sorted, overlaps joined, and gaps of at most `gap` bytes closed.
std::vector<ByteRange> joined(std::vector<ByteRange> ranges, std::uint64_t gap);

// An image of the file in memory (address space as large as the file; pages only where something has been fetched) with
// a Reader over it. Whoever reads through the Reader has fetched the bytes before: all others are zeros.
class RemoteShard {
 public:
  // Fetches header, schema and metadata with a few requests. Throws Error (exit 3: not such a file; exit 5).
  RemoteShard(HttpClient& client, RemoteFile file);
  ~RemoteShard();
  RemoteShard(const RemoteShard&) = delete;
  RemoteShard& operator=(const RemoteShard&) = delete;

  const Reader& reader() const { return *reader_; }
  const RemoteFile& file() const { return file_; }
  std::uint64_t size() const { return size_; }  // bytes
  // The file has no schema block, and reader().schema() is that of some of its records: others may hold more.
  bool schema_is_sampled() const { return schema_is_sampled_; }
  // The shortest time in seconds that a request to its server took: what a further request costs.
  double latency() const { return latency_; }

  // Where things lie. The entries of a record must be there before its bytes are known.
  ByteRange index() const;
  ByteRange entry(std::uint64_t record) const;
  std::optional<ByteRange> checksum(std::uint64_t record) const;
  // Throws Error (exit 3) as Reader::entry().
  ByteRange stored(std::uint64_t record) const;

  // Those of the ranges, joined over `gap`, that are not there yet.
  std::vector<ByteRange> missing(std::vector<ByteRange> ranges, std::uint64_t gap) const;
  // Fetches a range. Several threads with different ranges and clients. Throws Error (exit 5).
  void fetch(HttpClient& client, ByteRange range);
  // Gives the memory of records back: they must be fetched again.
  void forget_records();

 private:
  void read_header(HttpClient& client);
  void get(HttpClient& client, std::vector<ByteRange> ranges);
  void sample_schema(HttpClient& client);
  void add(ByteRange range);

  RemoteFile file_;
  std::uint64_t size_ = 0;
  bool schema_is_sampled_ = false;
  std::byte* image_ = nullptr;
  double latency_ = 1e9;
  mutable std::mutex mutex_;  // of all below
  std::map<std::uint64_t, std::uint64_t> there_;  // begin -> end, apart from each other
  Location location_;
  std::optional<Reader> reader_;
};

// Fetches ranges of shards over several connections at once. `progress` is called with the bytes so far, one call at a
// time. Throws the first error.
struct ShardRange {
  RemoteShard* shard;
  ByteRange range;
};
void fetch_ranges(HttpShared& shared, const std::vector<ShardRange>& ranges, int connections, const std::function<void(std::uint64_t)>& progress = {});

// Opens shards side by side. Throws the first error.
std::vector<std::unique_ptr<RemoteShard>> open_shards(HttpShared& shared, const std::vector<RemoteFile>& files, int connections);

}  // namespace atp

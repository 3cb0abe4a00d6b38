// Shards on a server as one index space, and records of them fetched with few requests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/hub/dataset_files.h"
#include "core/hub/remote_shard.h"

namespace atp {

class RemoteRecords {
 public:
  // Opens all shards of the dataset. Throws Error (exit 3, 5); exit 3 when it has none.
  RemoteRecords(HttpShared& shared, const RemoteDataset& dataset, int connections);

  std::uint64_t size() const { return starts_.back(); }  // records
  std::uint64_t bytes() const;                           // of all shards
  const std::vector<std::unique_ptr<RemoteShard>>& shards() const { return shards_; }
  std::uint64_t start_of(std::size_t shard) const { return starts_[shard]; }

  struct Place {
    std::size_t shard;
    std::uint64_t record;
  };
  Place locate(std::uint64_t i) const;  // i < size()

  // Bytes that are cheaper to fetch than a request of their own is. What a request costs is the time that the quickest
  // one took, divided among the connections, at 50 MB/s; between 16 KiB and 4 MiB.
  std::uint64_t gap() const;

  // The indexes of all shards. `progress` has bytes.
  void fetch_indexes(const std::function<void(std::uint64_t)>& progress = {});
  std::uint64_t index_bytes() const;

  // Calls fn(i, shard, record) for every index, in the order given, when its bytes are there; these are checked by who
  // reads them (Reader::verified_record). Memory: what the records between take, at most about 64 MB at a time.
  using Fn = std::function<void(std::uint64_t i, const RemoteShard& shard, std::uint64_t record)>;
  void for_each(std::span<const std::uint64_t> indices, std::optional<std::uint64_t> gap, const Fn& fn);

 private:
  void fetch(const std::vector<std::vector<ByteRange>>& by_shard, std::uint64_t gap, const std::function<void(std::uint64_t)>& progress = {});
  void fetch_entries(std::span<const std::uint64_t> indices, std::uint64_t gap);

  HttpShared& shared_;
  int connections_;
  std::vector<std::unique_ptr<RemoteShard>> shards_;
  std::vector<std::uint64_t> starts_;  // [shards + 1]
};

}  // namespace atp

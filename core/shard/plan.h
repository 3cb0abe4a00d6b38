// Which record goes into which shard, decided before anything is written.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/atp/dataset.h"
#include "core/shard/split.h"

namespace atp {

enum class BalanceBy { bytes, atoms, records };
enum class SplitAlgorithm { optimal, running_average, longest_first };

// How many shards, and what makes them equal.
struct SplitRequest {
  std::optional<std::uint64_t> shards, shard_bytes, max_records;  // one of them; shard_bytes only by bytes
  BalanceBy by = BalanceBy::bytes;
  SplitAlgorithm algorithm = SplitAlgorithm::optimal;  // longest_first: only with `shards`
  // What a file has besides its records: a file of shard_bytes has this much less for them.
  std::uint64_t file_overhead = 0;
};

// 16 bytes a record.
struct ShardPlan {
  std::vector<std::uint64_t> records;  // numbers in the dataset, shard after shard, each in its order
  std::vector<std::uint64_t> bounds;   // [shards + 1], in `records`
  Balance balance;                     // of what was asked for
  std::string other_name;              // the other algorithm and what it would have given
  Balance other;

  std::uint64_t shards() const { return bounds.size() - 1; }
  std::span<const std::uint64_t> shard(std::uint64_t k) const {
    return std::span(records).subspan(bounds[k], bounds[k + 1] - bounds[k]);
  }
};

// What a record adds to a file of its own codec: stored bytes, index entry, checksum.
inline constexpr std::uint32_t kBytesBesideRecord = sizeof(RawIndexEntry) + 8;

// Looks up where records lie; for numbers that mostly ascend it searches nothing. One thread.
class RecordFinder {
 public:
  explicit RecordFinder(const Dataset& dataset) : dataset_(&dataset) {}
  Dataset::Place place(std::uint64_t record);
  // Throws Error (exit 3) when the index makes no sense there.
  IndexEntry entry(std::uint64_t record);

 private:
  const Dataset* dataset_;
  std::size_t shard_ = 0;
};

// Throws Error (exit 2, 3): fewer records than shards, no record at all. The plan depends on the
// arguments alone, so that several processes make the same one.
ShardPlan plan_shards(const Dataset& dataset, std::vector<std::uint64_t> records, const SplitRequest& request);

std::string_view name_of(BalanceBy by);
std::string_view name_of(SplitAlgorithm algorithm);

}  // namespace atp

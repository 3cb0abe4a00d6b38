#include "core/hub/remote_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostBytes = 64 << 20;   // of records at a time
constexpr std::size_t kMostEntries = 1 << 20;
constexpr double kRate = 50e6;                   // bytes a second
constexpr std::uint64_t kLeastGap = 16 << 10, kMostGap = 4 << 20;

}  // namespace

RemoteRecords::RemoteRecords(HttpShared& shared, const RemoteDataset& dataset, int connections) : shared_(shared), connections_(connections), starts_{0} {
  std::vector<RemoteFile> files = dataset_part(dataset);
  std::erase_if(files, [](const RemoteFile& f) { return !f.path.ends_with(".atp"); });
  if (files.empty()) fail_input(dataset.url ? dataset.url->without_query() : dataset.address.text(), "holds no .atp file");
  shards_ = open_shards(shared, files, connections);
  for (const auto& shard : shards_) starts_.push_back(starts_.back() + shard->reader().size());
}

std::uint64_t RemoteRecords::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->size();
  return sum;
}

RemoteRecords::Place RemoteRecords::locate(std::uint64_t i) const {
  const auto at = std::upper_bound(starts_.begin(), starts_.end(), i) - 1;
  return {static_cast<std::size_t>(at - starts_.begin()), i - *at};
}

std::uint64_t RemoteRecords::gap() const {
  double latency = 1;
  for (const auto& shard : shards_) latency = std::min(latency, shard->latency());
  return std::clamp(static_cast<std::uint64_t>(latency * kRate / connections_), kLeastGap, kMostGap);
}

void RemoteRecords::fetch(const std::vector<std::vector<ByteRange>>& by_shard, std::uint64_t gap, const std::function<void(std::uint64_t)>& progress) {
  std::vector<ShardRange> ranges;
  for (std::size_t s = 0; s < by_shard.size(); ++s) {
    for (const ByteRange& r : shards_[s]->missing(by_shard[s], gap)) ranges.push_back({shards_[s].get(), r});
  }
  fetch_ranges(shared_, ranges, connections_, progress);
}

std::uint64_t RemoteRecords::index_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->index().end - shard->index().begin;
  return sum;
}

void RemoteRecords::fetch_indexes(const std::function<void(std::uint64_t)>& progress) {
  std::vector<std::vector<ByteRange>> by_shard(shards_.size());
  for (std::size_t s = 0; s < shards_.size(); ++s) by_shard[s] = {shards_[s]->index()};
  fetch(by_shard, 0, progress);
}

void RemoteRecords::fetch_entries(std::span<const std::uint64_t> indices, std::uint64_t gap) {
  std::vector<std::vector<ByteRange>> by_shard(shards_.size());
  for (const std::uint64_t i : indices) {
    const auto [s, record] = locate(i);
    by_shard[s].push_back(shards_[s]->entry(record));
    if (const auto sum = shards_[s]->checksum(record)) by_shard[s].push_back(*sum);
  }
  fetch(by_shard, gap);
}

void RemoteRecords::for_each(std::span<const std::uint64_t> indices, std::optional<std::uint64_t> gap, const Fn& fn) {
  const std::uint64_t joins = gap.value_or(this->gap());
  for (std::size_t at = 0; at < indices.size();) {
    const auto entries = indices.subspan(at, std::min(kMostEntries, indices.size() - at));
    fetch_entries(entries, joins);
    for (std::size_t begin = 0; begin < entries.size();) {
      throw_if_interrupted();
      std::vector<std::vector<ByteRange>> by_shard(shards_.size());
      std::size_t end = begin;
      for (std::uint64_t bytes = 0; end < entries.size() && (end == begin || bytes < kMostBytes); ++end) {
        const auto [s, record] = locate(entries[end]);
        const ByteRange r = shards_[s]->stored(record);
        bytes += r.end - r.begin;
        by_shard[s].push_back(r);
      }
      fetch(by_shard, joins);
      for (; begin < end; ++begin) {
        const auto [s, record] = locate(entries[begin]);
        fn(entries[begin], *shards_[s], record);
      }
      for (const auto& shard : shards_) shard->forget_records();
    }
    at += entries.size();
  }
}

}  // namespace atp

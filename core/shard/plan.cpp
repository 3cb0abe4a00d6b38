#include "core/shard/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

std::vector<std::uint32_t> weights_of(const Dataset& dataset, std::span<const std::uint64_t> records, BalanceBy by) {
  std::vector<std::uint32_t> weights(records.size(), 1);
  if (by == BalanceBy::records) return weights;
  RecordFinder finder(dataset);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i % 65536 == 0) throw_if_interrupted();
    const IndexEntry e = finder.entry(records[i]);
    weights[i] = by == BalanceBy::atoms ? e.atoms : e.stored + std::min(kBytesBesideRecord, UINT32_MAX - e.stored);
  }
  return weights;
}

std::uint64_t shard_count(std::span<const std::uint64_t> prefix, const SplitRequest& r) {
  const std::uint64_t n = prefix.size() - 1;
  if (r.max_records) return (n + *r.max_records - 1) / *r.max_records;
  if (r.shards) return *r.shards;
  if (*r.shard_bytes <= r.file_overhead) {
    throw Error(Exit::usage, "", fmt::format("a shard of {} bytes has no room for records: its header alone takes {}", *r.shard_bytes, r.file_overhead),
                "pass a larger --shard-size");
  }
  return shards_needed(prefix, *r.shard_bytes - r.file_overhead);
}

// Brings the records of one shard together; each shard keeps their order.
void group_by_shard(ShardPlan& plan, std::span<const std::uint32_t> shard_of, std::uint64_t shards) {
  plan.bounds.assign(shards + 1, 0);
  for (const std::uint32_t k : shard_of) ++plan.bounds[k + 1];
  for (std::uint64_t k = 0; k < shards; ++k) plan.bounds[k + 1] += plan.bounds[k];
  std::vector<std::uint64_t> at(plan.bounds.begin(), plan.bounds.end() - 1), grouped(plan.records.size());
  for (std::size_t i = 0; i < shard_of.size(); ++i) grouped[at[shard_of[i]]++] = plan.records[i];
  plan.records = std::move(grouped);
}

Balance balance_of_groups(std::span<const std::uint32_t> weights, std::span<const std::uint32_t> shard_of, std::uint64_t shards) {
  std::vector<std::uint64_t> loads(shards);
  for (std::size_t i = 0; i < weights.size(); ++i) loads[shard_of[i]] += weights[i];
  return balance_of(loads);
}

}  // namespace

std::string_view name_of(BalanceBy by) {
  switch (by) {
    case BalanceBy::bytes: return "bytes";
    case BalanceBy::atoms: return "atoms";
    case BalanceBy::records: break;
  }
  return "records";
}

std::string_view name_of(SplitAlgorithm algorithm) {
  switch (algorithm) {
    case SplitAlgorithm::optimal: return "optimal";
    case SplitAlgorithm::running_average: return "running-average";
    case SplitAlgorithm::longest_first: break;
  }
  return "longest-first";
}

Dataset::Place RecordFinder::place(std::uint64_t record) {
  const bool here = dataset_->start_of(shard_) <= record && record < dataset_->start_of(shard_) + dataset_->shards()[shard_].size();
  if (!here) shard_ = dataset_->locate(record).shard;
  return {shard_, record - dataset_->start_of(shard_)};
}

IndexEntry RecordFinder::entry(std::uint64_t record) {
  const Dataset::Place at = place(record);
  return dataset_->shards()[at.shard].entry(at.record);
}

ShardPlan plan_shards(const Dataset& dataset, std::vector<std::uint64_t> records, const SplitRequest& request) {
  if (records.empty()) fail_input("", "no record is left to be written", "see what --records, --where, --dedup, --sample and --split leave");
  ShardPlan plan;
  plan.records = std::move(records);
  const std::vector<std::uint32_t> weights = weights_of(dataset, plan.records, request.by);
  const std::vector<std::uint64_t> prefix = prefix_sums(weights);
  const std::uint64_t shards = shard_count(prefix, request);
  const std::uint64_t n = plan.records.size();
  if (shards > n || shards > UINT32_MAX) {
    throw Error(Exit::usage, "", fmt::format("{} record{} cannot fill {} shards", n, n == 1 ? "" : "s", shards), fmt::format("pass --shards {} or less", n));
  }
  const std::vector<std::uint64_t> evenly = split_evenly(prefix, shards, request.max_records.value_or(UINT64_MAX));
  if (request.algorithm == SplitAlgorithm::longest_first) {
    const auto shard_of = assign_longest_first(weights, static_cast<std::uint32_t>(shards));
    plan.balance = balance_of_groups(weights, shard_of, shards);
    plan.other_name = "in order";
    plan.other = balance_of(prefix, evenly);
    group_by_shard(plan, shard_of, shards);
    return plan;
  }
  std::vector<std::uint64_t> running = split_by_running_average(prefix, shards);
  const bool optimal = request.algorithm == SplitAlgorithm::optimal;
  plan.bounds = optimal ? evenly : running;
  plan.balance = balance_of(prefix, plan.bounds);
  plan.other_name = name_of(optimal ? SplitAlgorithm::running_average : SplitAlgorithm::optimal);
  plan.other = balance_of(prefix, optimal ? running : evenly);
  return plan;
}

}  // namespace atp

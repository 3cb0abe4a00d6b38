// `atp shard --where`: which of the chosen records fulfil a condition.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/options.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"
#include "core/query/select_records.h"

namespace atp {
namespace {

// The records as few ranges, ascending.
std::vector<RecordRange> ranges_of(std::vector<std::uint64_t> records) {
  std::sort(records.begin(), records.end());
  std::vector<RecordRange> ranges;
  for (const std::uint64_t record : records) {
    if (!ranges.empty() && record < ranges.back().end) continue;  // chosen twice
    if (!ranges.empty() && record == ranges.back().end) {
      ++ranges.back().end;
    } else {
      ranges.push_back({record, record + 1});
    }
  }
  return ranges;
}

}  // namespace

void keep_matching(ShardRun& run, std::vector<std::uint64_t>& records) {
  const ShardCommand& c = run.command;
  const Dataset& dataset = *run.dataset;
  Progress progress("selecting", records.size(), false);
  SelectOptions options;
  options.jobs = jobs();
  options.verify = run.rules.verify;
  options.within = ranges_of(records);
  options.progress = [&](std::uint64_t done) { progress.advance_to(done); };
  if (run.rules.skip_damaged) {
    options.damaged = [&](std::uint64_t record, const Error& e) {
      const Dataset::Place at = dataset.locate(record);
      run.damaged.push_back({record, dataset.shards()[at.shard].path(), at.record, e.problem()});
    };
  }
  const std::vector<std::uint64_t> matching = select_records(dataset, c.where, options);
  const std::size_t before = records.size();
  std::erase_if(records, [&](std::uint64_t record) { return !std::binary_search(matching.begin(), matching.end(), record); });
  if (records.empty() && before != 0) fail_input("--where", fmt::format("'{}' is true of none of {} records", c.where, human_count(before)));
  note(fmt::format("--where is true of {} of {} records", human_count(records.size()), human_count(before)));
}

}  // namespace atp

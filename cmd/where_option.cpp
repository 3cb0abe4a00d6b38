#include "cmd/where_option.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/options.h"
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

void keep_matching(const Dataset& dataset, const std::string& where, const WhereOptions& options, std::vector<std::uint64_t>& records) {
  Progress progress("selecting", records.size(), false);
  SelectOptions select;
  select.jobs = jobs();
  select.verify = options.verify;
  select.within = ranges_of(records);
  select.progress = [&](std::uint64_t done) { progress.advance_to(done); };
  select.damaged = options.damaged;
  const std::vector<std::uint64_t> matching = select_records(dataset, where, select);
  const std::size_t before = records.size();
  std::erase_if(records, [&](std::uint64_t record) { return !std::binary_search(matching.begin(), matching.end(), record); });
  if (records.empty() && before != 0) fail_input("--where", fmt::format("'{}' is true of none of {} records", where, human_count(before)));
  note(fmt::format("--where is true of {} of {} records", human_count(records.size()), human_count(before)));
}

}  // namespace atp

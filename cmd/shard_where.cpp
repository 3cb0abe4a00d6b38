// `atp shard --where`: which of the chosen records fulfil a condition.
#include "cmd/shard_run.h"
#include "cmd/where_option.h"

namespace atp {

void keep_matching(ShardRun& run, std::vector<std::uint64_t>& records) {
  WhereOptions options;
  options.verify = run.rules.verify;
  if (run.rules.skip_damaged) {
    options.damaged = [&](std::uint64_t record, const Error& e) {
      const Dataset::Place at = run.dataset->locate(record);
      run.damaged.push_back({record, run.dataset->shards()[at.shard].path(), at.record, e.problem()});
    };
  }
  keep_matching(*run.dataset, run.command.where, options, records);
}

}  // namespace atp

#include "cmd/shard_ranks.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/rank_text.h"

namespace atp {
namespace {

void put_shard(std::string& out, const ShardFile& file, const FileSums& sums) {
  for (const std::uint64_t v : {file.records, file.atoms, file.bytes, std::uint64_t{file.damaged.size()}}) put(out, v);
  for (const DamagedRecord& d : file.damaged) {
    put(out, d.record);
    put(out, d.file);
    put(out, d.record_of_file);
    put(out, d.why);
  }
  put(out, sums.xxh128);
  put(out, sums.sha256);
}

void get_shard(ByteReader& in, ShardFile& file, FileSums& sums) {
  for (std::uint64_t* v : {&file.records, &file.atoms, &file.bytes}) *v = get_number(in);
  file.damaged.clear();
  for (std::uint64_t n = get_number(in); n > 0; --n) {
    DamagedRecord d;
    d.record = get_number(in);
    d.file = get_text(in);
    d.record_of_file = get_number(in);
    d.why = get_text(in);
    file.damaged.push_back(std::move(d));
  }
  sums.xxh128 = get_text(in);
  sums.sha256 = get_text(in);
}

}  // namespace

void check_same_plan(Ranks& ranks, const ShardRun& run) {
  const std::vector<std::string> plans = ranks.exchange(run.hash);
  ranks.together([&] {
    const auto other = std::ranges::find_if(plans, [&](const std::string& plan) { return plan != plans[0]; });
    if (other == plans.end()) return;
    fail_input("", fmt::format("process {} makes another plan than process 0", other - plans.begin()),
               "see that the inputs are the same on all nodes");
  });
}

void share_results(Ranks& ranks, const ShardRun& run, ShardResult& result) {
  if (ranks.size() == 1) return;
  std::string mine;
  put(mine, result.passes);
  put(mine, result.kept_shards);
  const auto for_each_shard = [&](const auto& work) {
    std::size_t number = 0;
    for (std::size_t g = 0; g < run.groups.size(); ++g) {
      for (std::size_t k = 0; k < result.files[g].size(); ++k) work(number++, result.files[g][k], result.sums[g][k]);
    }
  };
  for_each_shard([&](std::size_t number, const ShardFile& file, const FileSums& sums) {
    if (is_mine(ranks, number)) put_shard(mine, file, sums);
  });

  const std::vector<std::string> all = ranks.exchange(mine);
  std::vector<ByteReader> from;
  for (const std::string& text : all) from.emplace_back(as_bytes(text));
  result.kept_shards = 0;
  for (ByteReader& in : from) {
    result.passes = std::max(result.passes, get_number(in));
    result.kept_shards += get_number(in);
  }
  for_each_shard([&](std::size_t number, ShardFile& file, FileSums& sums) { get_shard(from[number % from.size()], file, sums); });
}

}  // namespace atp

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "cmd/codec_option.h"
#include "cmd/options.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/hash.h"
#include "core/base/selection.h"
#include "core/shard/order.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// A folder that is read must not be written: its shards would be replaced while they are copied.
void refuse_inputs_in_output(const Dataset& dataset, const std::string& output) {
  std::error_code error;
  const fs::path out = fs::weakly_canonical(output, error);
  for (const Reader& file : dataset.shards()) {
    const fs::path in = fs::weakly_canonical(file.path(), error);
    if (std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end()) {
      throw Error(Exit::usage, file.path(), "is an input and lies in the output folder", "name another folder with -o");
    }
  }
}

// ---- what changes about records -----------------------------------------------------------------

bool any_matches(const std::vector<std::string>& patterns, const std::string& key, std::vector<bool>& used) {
  bool any = false;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!glob_match(patterns[i], key)) continue;
    used[i] = any = true;
  }
  return any;
}

void warn_of_unused(const char* option, const std::vector<std::string>& patterns, const std::vector<bool>& used) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!used[i]) warn(fmt::format("{} '{}' matches nothing", option, patterns[i]));
  }
}

// As atp pack has it: patterns choose among properties, and --drop NAME also takes the field of that name.
Recoding recoding_of(const ShardCommand& c, const Dataset& dataset) {
  Recoding recoding;
  if (!c.dtype.empty()) recoding.dtype = c.dtype == "f32" ? DtypePolicy::f32 : DtypePolicy::f64;
  std::vector<bool> keep_used(c.keep.size()), drop_used(c.drop.size());
  for (const Reader& file : dataset.shards()) {
    for (const auto& [key, entry] : file.schema().entries) {
      bool dropped = false;
      if (key.first == Kind::builtin) {
        for (std::size_t i = 0; i < c.drop.size(); ++i) {
          if (c.drop[i] == key.second) drop_used[i] = dropped = true;
        }
      } else {
        const bool kept = any_matches(c.keep, key.second, keep_used);
        dropped = any_matches(c.drop, key.second, drop_used) || (!c.keep.empty() && !kept);
      }
      if (dropped) recoding.dropped.insert(key);
    }
  }
  warn_of_unused("--keep", c.keep, keep_used);
  warn_of_unused("--drop", c.drop, drop_used);
  return recoding;
}

// ---- which records, in which order --------------------------------------------------------------

// The records that the command line asks for, as numbers in the dataset. This is the one place where a
// selection is made; what it returns may be in any order and is kept in it.
std::vector<std::uint64_t> selected_records(const Dataset& dataset, const ShardCommand& c) {
  std::vector<std::uint64_t> records;
  if (c.records.empty()) {
    records.resize(dataset.size());
    std::iota(records.begin(), records.end(), std::uint64_t{0});
    return records;
  }
  const Selection selection = Selection::parse(c.records);
  records.reserve(selection.count(dataset.size()));
  selection.for_each(dataset.size(), [&](std::uint64_t record) { records.push_back(record); });
  return records;
}

void put_in_order(const Dataset& dataset, const ShardCommand& c, std::vector<std::uint64_t>& records) {
  if (c.order == "shuffle") return shuffle(records, c.seed);
  if (c.order != "size") return;
  std::vector<std::uint64_t> keys;
  keys.reserve(records.size());
  RecordFinder finder(dataset);
  for (const std::uint64_t record : records) keys.push_back(finder.entry(record).atoms);
  sort_by_key(records, keys);
}

// ---- the plan -----------------------------------------------------------------------------------

// A shard's bytes beside records: header, schema, count of the index and metadata with all sources.
std::uint64_t file_overhead(const ShardRun& run) {
  Metadata m = run.metadata;
  for (const Reader& file : run.dataset->shards()) m.sources.push_back({name_in_metadata(file.path()), file.file_bytes(), std::nullopt});
  return kFirstData + run.rules.schema.encode().size() + 8 + m.to_json().size();
}

SplitRequest split_request(const ShardRun& run) {
  const ShardCommand& c = run.command;
  SplitRequest r;
  r.shards = c.shards;
  if (c.shard_bytes != 0) r.shard_bytes = c.shard_bytes;
  r.max_records = c.max_records;
  r.by = c.balance == "bytes" ? BalanceBy::bytes : c.balance == "atoms" ? BalanceBy::atoms : BalanceBy::records;
  if (c.algorithm == "running-average") r.algorithm = SplitAlgorithm::running_average;
  if (c.order == "balance") r.algorithm = SplitAlgorithm::longest_first;
  r.file_overhead = file_overhead(run);
  return r;
}

std::uint64_t index_hash(const Reader& file) {
  if (file.slot().extension) return file.slot().extension->index_hash;
  Xxh3Stream hash;
  for (std::uint64_t i = 0; i < file.size(); ++i) {
    const IndexEntry e = file.raw_entry(i);
    const RawIndexEntry raw{e.offset, e.stored, e.unpacked, e.atoms};
    hash.update(std::as_bytes(std::span(&raw, 1)));
  }
  return hash.digest();
}

// Everything that decides what will be written: the inputs by their indexes and checksums, the records of
// each shard, and what becomes of them.
std::string plan_hash(const ShardRun& run) {
  const auto hash_of = [](std::span<const std::uint64_t> numbers) {
    const Hash128 h = xxh3_128(std::as_bytes(numbers));
    return fmt::format("{:016x}{:016x}", h.high, h.low);
  };
  const ShardCommand& c = run.command;
  std::string text = fmt::format("atp shard 1\n{}\n{} {} {}\n", codec_name(run.rules.codec), c.dtype, c.no_verify, c.on_error);
  text += fmt::format("{}\n{}\n", run.metadata.to_json(), as_text(run.rules.schema.encode()));
  for (const Reader& file : run.dataset->shards()) {
    text += fmt::format("{} {} {} {:016x} {:016x}\n", name_in_metadata(file.path()), file.file_bytes(), file.slot().generation, index_hash(file),
                        file.slot().extension ? file.slot().extension->checksums_hash : 0);
  }
  for (const ShardGroup& group : run.groups) {
    text += fmt::format("{} {} {}\n", group.name, hash_of(group.plan.bounds), hash_of(group.plan.records));
  }
  const Hash128 h = xxh3_128(as_bytes(text));
  return fmt::format("{:016x}{:016x}", h.high, h.low);
}

}  // namespace

std::string ShardGroup::file(std::uint64_t shard) const {
  const std::size_t digits = std::max<std::size_t>(4, fmt::formatted_size("{}", plan.shards() - 1));
  return fmt::format("{}{}part_{:0{}}.atp", name, name.empty() ? "" : "/", shard, digits);
}

std::string ShardGroup::manifest() const { return name.empty() ? "manifest.json" : name + "/manifest.json"; }

ShardRun plan_run(const ShardCommand& command) {
  ShardRun run;
  run.command = command;
  run.dataset = std::make_unique<Dataset>(command.inputs);
  const Dataset& dataset = *run.dataset;
  refuse_inputs_in_output(dataset, command.output);
  if (!command.no_verify) {
    for (const Reader& file : dataset.shards()) file.check_index();
  }
  run.rules.recoding = recoding_of(command, dataset);
  run.rules.codec = command.codec.empty() ? common_codec(dataset) : codec_option(command.codec);
  run.rules.schema = merged_schema(dataset, run.rules.recoding);
  run.rules.verify = !command.no_verify;
  run.rules.skip_damaged = command.on_error == "skip";
  run.metadata = merged_metadata(dataset);
  run.metadata.generator = fmt::format("atp {}", version());

  std::vector<std::uint64_t> records = selected_records(dataset, command);
  if (command.sample && *command.sample < records.size()) sample(records, *command.sample, command.seed);
  put_in_order(dataset, command, records);
  run.groups.push_back({"", plan_shards(dataset, std::move(records), split_request(run))});
  run.hash = plan_hash(run);
  return run;
}

}  // namespace atp

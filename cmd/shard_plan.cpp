#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "cmd/codec_option.h"
#include "cmd/dataset_warnings.h"
#include "cmd/options.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/base/hash.h"
#include "core/base/selection.h"
#include "core/shard/keys.h"
#include "core/shard/order.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// A folder that is read must not be written: its shards would be replaced while they are copied, or the
// new ones would become part of the dataset they were made of.
void refuse_inputs_in_output(const Dataset& dataset, const std::vector<std::string>& inputs, const std::string& output) {
  std::error_code error;
  const fs::path out = fs::weakly_canonical(output, error);
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input, error)) continue;
    const fs::path in = fs::weakly_canonical(input, error);
    if (out != in && std::mismatch(in.begin(), in.end(), out.begin(), out.end()).first == in.end()) {
      throw Error(Exit::usage, output, fmt::format("lies in the input folder {}: the new shards would become part of it", input), "name another folder with -o");
    }
  }
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

// ---- splits, duplicates, order ------------------------------------------------------------------

struct Part {
  std::string name;
  double fraction;
};

// "train=0.9,val=0.1". Names become folders.
std::vector<Part> parse_split(const std::string& text) {
  const auto fail = [&](const std::string& what) { throw Error(Exit::usage, "", fmt::format("--split {}: {}", text, what), "write train=0.9,val=0.05,test=0.05"); };
  std::vector<Part> parts;
  double sum = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, comma - at);
    at = comma + 1;
    const auto equals = item.find('=');
    const std::string name = item.substr(0, equals);
    const bool good_name = !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    });
    if (equals == std::string::npos || !good_name) fail(fmt::format("'{}' is not NAME=FRACTION", item));
    double fraction = 0;
    const char* const end = item.data() + item.size();
    const auto [stop, error] = std::from_chars(item.data() + equals + 1, end, fraction);
    if (error != std::errc() || stop != end || !(fraction > 0) || fraction > 1) fail(fmt::format("'{}' is not a fraction between 0 and 1", item.substr(equals + 1)));
    if (std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; })) fail(fmt::format("'{}' stands twice", name));
    parts.push_back({name, fraction});
    sum += fraction;
  }
  if (std::abs(sum - 1) > 1e-6) fail(fmt::format("the fractions add up to {:.6g}, not to 1", sum));
  return parts;
}

GroupBy group_by_field(const Schema& schema, const std::string& option, const std::string& key) {
  std::vector<std::string> keys;
  for (const auto& [k, entry] : schema.entries) {
    if (k.first == Kind::atom || entry.per_atom) continue;
    if (k.second == key) return {GroupBy::What::field, k};
    keys.push_back(k.second);
  }
  const std::string near = did_you_mean(key, keys);
  throw Error(Exit::usage, "", fmt::format("{} {}: records have no property '{}' of that name for the whole structure", option, key, key),
              near.empty() ? "atp inspect DATASET lists what there is" : near);
}

// The inputs' fields, those left out included: groups are made before anything changes.
Schema all_fields(const Dataset& dataset) {
  Schema all;
  for (const Reader& file : dataset.shards()) all.entries.insert(file.schema().entries.begin(), file.schema().entries.end());
  return all;
}

WantedKeys wanted_keys(const ShardCommand& c, const Schema& fields) {
  WantedKeys wanted;
  if (c.order == "formula") wanted.order = WantedKeys::Order::formula;
  if (c.order == "morton") wanted.order = WantedKeys::Order::morton;
  if (c.dedup == "exact") {
    wanted.duplicates = GroupBy{GroupBy::What::content, {}};
  } else if (!c.dedup.empty()) {
    wanted.duplicates = group_by_field(fields, "--dedup", c.dedup);
  }
  if (c.split.empty() || c.by == "record") return wanted;
  wanted.group = c.by == "formula" ? GroupBy{GroupBy::What::formula, {}} : group_by_field(fields, "--by", c.by);
  return wanted;
}

// Records on their way to the shards, with what has been read of them.
struct Chosen {
  std::vector<std::uint64_t> records;
  RecordKeys keys;

  void leave_out(std::span<const std::uint64_t> places) {
    remove_places(records, places);
    remove_places(keys.order, places);
    remove_places(keys.group, places);
  }

  // Those at `places`, in that order.
  Chosen at(std::span<const std::uint64_t> places) const {
    Chosen c;
    for (const std::uint64_t place : places) {
      c.records.push_back(records[place]);
      if (!keys.order.empty()) c.keys.order.push_back(keys.order[place]);
      if (!keys.group.empty()) c.keys.group.push_back(keys.group[place]);
    }
    return c;
  }
};

Chosen choose(ShardRun& run) {
  const ShardCommand& c = run.command;
  Chosen chosen;
  chosen.records = selected_records(*run.dataset, c);
  if (!c.where.empty()) keep_matching(run, chosen.records);
  const WantedKeys wanted = wanted_keys(c, all_fields(*run.dataset));
  if (wanted.any()) {
    Progress progress("reading", chosen.records.size(), false);
    chosen.keys = read_keys(*run.dataset, chosen.records, wanted, run.rules, jobs(), [&](std::uint64_t done) { progress.advance_to(done); });
    std::ranges::move(chosen.keys.damaged, std::back_inserter(run.damaged));
    const std::vector<std::uint64_t> damaged = std::move(chosen.keys.left_out);
    remove_places(chosen.keys.duplicates, damaged);
    chosen.leave_out(damaged);
    const std::vector<std::uint64_t> duplicates = duplicates_among(chosen.keys.duplicates);
    run.duplicates = duplicates.size();
    chosen.leave_out(duplicates);
    chosen.keys.duplicates = {};
  }
  if (c.sample && *c.sample < chosen.records.size()) {
    std::vector<std::uint64_t> places(chosen.records.size());
    std::iota(places.begin(), places.end(), std::uint64_t{0});
    sample(places, *c.sample, c.seed);
    chosen = chosen.at(places);
  }
  return chosen;
}

void put_in_order(const Dataset& dataset, const ShardCommand& c, Chosen& chosen) {
  if (c.order == "shuffle") return shuffle(chosen.records, c.seed);
  if (c.order == "size") {
    RecordFinder finder(dataset);
    chosen.keys.order.clear();
    for (const std::uint64_t record : chosen.records) chosen.keys.order.push_back(finder.entry(record).atoms);
  }
  if (!chosen.keys.order.empty()) sort_by_key(chosen.records, chosen.keys.order);
}

[[noreturn]] void fail_without_records(const ShardCommand& c, const std::vector<Part>& parts, std::size_t empty, const Chosen& chosen) {
  const std::string what = fmt::format("split '{}' gets none of {} records", parts[empty].name, chosen.records.size());
  if (c.by == "record") fail_input("", what, "give it a larger fraction");
  std::set<std::pair<std::uint64_t, std::uint64_t>> values;
  for (const Hash128& h : chosen.keys.group) values.emplace(h.high, h.low);
  const std::size_t groups = values.size();
  const std::string of = c.by == "formula" ? "composition" : fmt::format("value of {}", c.by);
  const std::string ones = c.by == "formula" ? "compositions" : fmt::format("values of {}", c.by);
  const std::string why = groups == 1 ? fmt::format("all are of one {}, which --by {} keeps together", of, c.by) : fmt::format("there are {} {}, each of which stays together", groups, ones);
  fail_input("", fmt::format("{}: {}", what, why), groups < parts.size() ? "split --by record, or by another key" : "give it a larger fraction, or split --by record");
}

// One group, or one a split.
std::vector<std::pair<std::string, Chosen>> split(const ShardCommand& c, Chosen&& chosen) {
  std::vector<std::pair<std::string, Chosen>> groups;
  if (c.split.empty()) {
    groups.emplace_back("", std::move(chosen));
    return groups;
  }
  const std::vector<Part> parts = parse_split(c.split);
  std::vector<double> fractions;
  for (const Part& part : parts) fractions.push_back(part.fraction);
  const std::vector<std::uint32_t> part_of =
      c.by == "record" ? split_items(chosen.records.size(), fractions, c.seed) : split_groups(chosen.keys.group, fractions, c.seed);
  for (std::uint32_t p = 0; p < parts.size(); ++p) {
    std::vector<std::uint64_t> places;
    for (std::uint64_t i = 0; i < part_of.size(); ++i) {
      if (part_of[i] == p) places.push_back(i);
    }
    if (places.empty()) {
      fail_without_records(c, parts, p, chosen);
    }
    groups.emplace_back(parts[p].name, chosen.at(places));
  }
  return groups;
}

// ---- the plan -----------------------------------------------------------------------------------

// A shard's bytes beside records: header, schema, count of the index and metadata with all sources.
std::uint64_t file_overhead(const ShardRun& run) {
  const std::vector<bool> all(run.dataset->shards().size(), true);
  return kFirstData + run.rules.schema.encode().size() + 8 + metadata_of(run, all).size();
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

std::string text_of_inputs(const Dataset& dataset) {
  std::string text;
  for (const Reader& file : dataset.shards()) {
    text += fmt::format("{} {} {} {:016x} {:016x}\n", name_in_metadata(file.path()), file.file_bytes(), file.slot().generation, index_hash(file),
                        file.slot().extension ? file.slot().extension->checksums_hash : 0);
  }
  return text;
}

// The records wherever they lie.
std::string text_of_records(const Dataset& dataset) {
  Xxh3Stream hash;
  for (const Reader& file : dataset.shards()) {
    for (std::uint64_t i = 0; i < file.size(); ++i) {
      const IndexEntry e = file.entry(i);
      const std::array<std::uint64_t, 4> record{e.stored, e.unpacked, e.atoms, file.checksum(i).value_or(0)};
      hash.update(std::as_bytes(std::span(record)));
    }
  }
  return fmt::format("{:016x}\n", hash.digest());
}

// Everything that decides what will be written: the inputs by their indexes and checksums, the records of
// each shard, and what becomes of them.
std::string plan_hash(const ShardRun& run) {
  const auto hash_of = [](std::span<const std::uint64_t> numbers) {
    const Hash128 h = xxh3_128(std::as_bytes(numbers));
    return fmt::format("{:016x}{:016x}", h.high, h.low);
  };
  const ShardCommand& c = run.command;
  std::string text = fmt::format("atp {} 1\n{}\n{} {} {}\n", run.origin ? "pack" : "shard", codec_name(run.rules.codec), c.dtype, c.no_verify, c.on_error);
  text += fmt::format("{}\n{}\n", (run.origin ? run.origin->metadata : run.metadata).to_json(), as_text(run.rules.schema.encode()));
  text += run.origin ? text_of_records(*run.dataset) : text_of_inputs(*run.dataset);
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

void check_split(const std::string& text) { parse_split(text); }

ShardRun plan_run(const ShardCommand& command, std::optional<ShardOrigin> origin) {
  ShardRun run;
  run.command = command;
  run.origin = std::move(origin);
  run.dataset = std::make_unique<Dataset>(command.inputs);
  run.once = std::make_unique<OnePass>(*run.dataset);
  const Dataset& dataset = *run.dataset;
  warn_of_older_generations(dataset);
  warn_of_missing_shards(command.inputs);
  if (!run.origin) refuse_inputs_in_output(dataset, command.inputs, command.output);
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

  for (auto& [name, chosen] : split(command, choose(run))) {
    put_in_order(dataset, command, chosen);
    run.groups.push_back({name, plan_shards(dataset, std::move(chosen.records), split_request(run))});
  }
  run.hash = plan_hash(run);
  return run;
}

}  // namespace atp

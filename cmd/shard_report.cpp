#include <fmt/format.h>

#include "cmd/counted.h"
#include "cmd/options.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"

namespace atp {
namespace {

struct Totals {
  std::uint64_t records = 0, atoms = 0, bytes = 0, left_out = 0;
};

// Of what was written, or of the plan.
Totals totals_of(const ShardRun& run, const ShardResult* result, std::size_t g) {
  Totals t;
  if (result) {
    for (const ShardFile& file : result->files[g]) {
      t.records += file.records;
      t.atoms += file.atoms;
      t.bytes += file.bytes;
      t.left_out += file.damaged.size();
    }
    return t;
  }
  RecordFinder finder(*run.dataset);
  for (const std::uint64_t record : run.groups[g].plan.records) {
    const IndexEntry e = finder.entry(record);
    ++t.records;
    t.atoms += e.atoms;
    t.bytes += e.stored;
  }
  return t;
}

std::string balance_text(const ShardRun& run, const ShardPlan& plan) {
  if (plan.shards() == 1) return "";
  const bool lpt = run.command.order == "balance";
  return fmt::format("largest/mean {:.5g} by {} ({}; {}: {:.5g})", plan.balance.ratio(), run.command.balance, lpt ? "longest-first" : run.command.algorithm,
                     plan.other_name, plan.other.ratio());
}

void print_text(const ShardRun& run, const ShardResult* result, double seconds) {
  std::uint64_t bytes = 0;
  std::string text;
  for (std::size_t g = 0; g < run.groups.size(); ++g) {
    const ShardGroup& group = run.groups[g];
    const Totals t = totals_of(run, result, g);
    bytes += t.bytes;
    const std::string balance = balance_text(run, group.plan);
    text += fmt::format("{}{}{}{}: {}, {}, {}, {}{}{}{}", result ? "" : "would write ", run.command.output, group.name.empty() ? "" : "/", group.name,
                        counted(group.plan.shards(), "shard"), counted(t.records, "record"), counted(t.atoms, "atom"), human_bytes(t.bytes),
                        result ? "" : " of records", balance.empty() ? "" : ", ", balance);
    if (g + 1 < run.groups.size()) text += "\n";
  }
  if (run.duplicates != 0) text += fmt::format(", {} left out", counted(run.duplicates, "duplicate"));
  if (result) {
    if (result->kept_shards != 0) text += fmt::format(", {} kept", counted(result->kept_shards, "shard"));
    if (result->passes != 0) text += fmt::format(", {} pass{} over the inputs", result->passes, result->passes == 1 ? "" : "es");
    text += fmt::format(", {}, {}", human_seconds(seconds), human_rate(seconds > 0 ? static_cast<double>(bytes) / seconds : 0));
  }
  if (!common_options().quiet) print(text + "\n");
}

void print_json(const ShardRun& run, const ShardResult* result, double seconds) {
  JsonWriter w;
  w.begin_object().key("output").string(run.command.output).key("dry_run").boolean(run.command.dry_run);
  w.key("codec").string(codec_name(run.rules.codec)).key("order").string(run.command.order).key("balance").string(run.command.balance);
  w.key("duplicates").count(run.duplicates).key("seed").count(run.command.seed).key("plan").string(run.hash);
  w.key("groups").begin_array();
  for (std::size_t g = 0; g < run.groups.size(); ++g) {
    const ShardPlan& plan = run.groups[g].plan;
    const Totals t = totals_of(run, result, g);
    w.begin_object().key("name").string(run.groups[g].name).key("shards").count(plan.shards()).key("records").count(t.records);
    w.key("atoms").count(t.atoms).key("bytes").count(t.bytes).key("left_out").count(t.left_out);
    w.key("largest_to_mean").real(plan.balance.ratio()).key("other").string(plan.other_name).key("other_largest_to_mean").real(plan.other.ratio());
    w.key("files").begin_array();
    for (std::uint64_t k = 0; k < plan.shards(); ++k) w.string(run.groups[g].file(k));
    w.end_array().end_object();
  }
  std::uint64_t kept = 0;  // all, where a complete run is resumed
  for (const ShardGroup& group : run.groups) kept += run.command.dry_run ? 0 : group.plan.shards();
  w.end_array().key("kept_shards").count(result ? result->kept_shards : kept).key("passes").count(result ? result->passes : 0);
  w.key("seconds").real(seconds).end_object();
  print(w.text() + "\n");
}

// The first few records that were left out, as atp pack lists frames.
void warn_of_damage(const ShardRun& run, const ShardResult* result) {
  constexpr std::uint64_t kShown = 10;
  std::uint64_t count = 0;
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<DamagedRecord>& damaged) {
    for (const DamagedRecord& d : damaged) {
      if (++count <= kShown) lines.push_back(fmt::format("  {}: record {}: {}", d.file, d.record_of_file, d.why));
    }
  };
  add(run.damaged);
  if (result) {
    for (const auto& group : result->files) {
      for (const ShardFile& file : group) add(file.damaged);
    }
  }
  if (count == 0) return;
  warn(fmt::format("left out {}; manifest.json lists all:", counted(count, "damaged record")));
  for (const auto& line : lines) warn(line);
}

}  // namespace

void report_run(const ShardRun& run, const ShardResult* result, double seconds) {
  warn_of_damage(run, result);
  constexpr std::uint64_t kManyPasses = 8;
  if (result && result->passes > kManyPasses) {
    note(fmt::format("the inputs were read {} times; more --memory than {} makes it less", result->passes, human_bytes(run.command.memory)));
  }
  run.command.json ? print_json(run, result, seconds) : print_text(run, result, seconds);
}

}  // namespace atp

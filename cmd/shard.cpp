// `atp shard`: a dataset of any number of files as a folder of shards of equal weight.
#include "cmd/shard.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/remote_inputs.h"
#include "cmd/shard_ranks.h"
#include "cmd/shard_run.h"
#include "cmd/terminal.h"

namespace atp {
namespace {

[[noreturn]] void fail_usage(const std::string& what, const std::string& fix) { throw Error(Exit::usage, "", what, fix); }

// What cannot be meant, said before anything is opened.
void check_options(const ShardCommand& c) {
  if (c.output.empty()) fail_usage("no output folder was named", "pass -o DIR");
  if (c.output == "-") fail_usage("shards cannot be written to a pipe", "pass -o DIR");
  const int sizes = c.shards.has_value() + c.max_records.has_value() + (c.shard_bytes != 0);
  if (sizes == 0) fail_usage("how many shards is not said", "pass --shards N, --shard-size SIZE or --max-records N");
  if (sizes > 1) fail_usage("--shards, --shard-size and --max-records do not go together", "pass one of them");
  if (c.shards == std::uint64_t{0} || c.max_records == std::uint64_t{0}) fail_usage("0 shards, or shards of 0 records, hold nothing", "pass 1 or more");
  if (c.shard_bytes != 0 && c.balance != "bytes") fail_usage("--shard-size counts bytes", "leave --balance out, or pass --shards N");
  if (!c.shards && c.algorithm != "optimal") fail_usage("--algorithm running-average keeps no limit", "pass --shards N");
  if (!c.shards && c.order == "balance") fail_usage("--order balance keeps no limit", "pass --shards N");
  if (c.order == "balance" && c.algorithm != "optimal") fail_usage("--order balance has an algorithm of its own", "leave --algorithm out");
  if (!c.split.empty()) check_split(c.split);
  if (c.split.empty() && c.by != "record") fail_usage("--by is for --split", "pass --split train=0.9,val=0.1");
  if (c.memory < 1000000) fail_usage("--memory is less than a megabyte", "the more it is, the fewer passes are needed; the default is 1Gi");
}

}  // namespace

std::vector<std::string> command_line() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> words;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    words.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Exit shard(const ShardCommand& command) {
  Ranks ranks;
  if (!ranks.first()) silence_messages();  // they would all say the same
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  ShardRun run;
  ranks.together([&] {
    check_options(command);
    run = plan_run(command);
  });
  check_same_plan(ranks, run);
  ShardFolder folder = folder_of(run);
  ranks.together([&] {
    if (ranks.first()) folder.check(command.resume, command.force);
  });
  if (ranks.exchange(folder.complete() ? "complete" : "")[0] == "complete") {
    note(fmt::format("{} is complete already, nothing was written", command.output));
    if (command.json) report_run(run, nullptr, seconds());
    return Exit::ok;
  }
  if (command.dry_run) {
    if (ranks.first()) report_run(run, nullptr, seconds());
    return Exit::ok;
  }
  const ShardResult result = write_run(run, folder, ranks);
  if (!ranks.first()) return Exit::ok;
  for (std::size_t g = 0; g < run.groups.size(); ++g) {
    write_text_file(folder.path(run.groups[g].manifest()), manifest_of(run, result, g), true);
  }
  folder.end();
  report_run(run, &result, seconds());
  return Exit::ok;
}

Run declare_shard(CLI::App& app) {
  auto o = std::make_shared<ShardCommand>();
  app.add_option("DATASET", o->inputs, "files, folders of shards, globs or hf:// addresses")->required()->type_name("DATASET...");

  const char* size = "Shards";
  app.add_option("-o,--output", o->output, "the folder to write")->type_name("DIR")->group(size);
  add_count(app, "--shards", o->shards, "make N shards; 1 merges")->group(size);
  add_size(app, "--shard-size", o->shard_bytes, "make shards of at most SIZE, as few as possible")->group(size);
  add_count(app, "--max-records", o->max_records, "make shards of at most N records, as few as possible")->group(size);
  add_choice(app, "--balance", o->balance, {"bytes", "atoms", "records"}, "what shards shall have equally much of (default: bytes)")->group(size);
  add_choice(app, "--algorithm", o->algorithm, {"optimal", "running-average"}, "how the order is cut: as evenly as can be (the default), or in one greedy scan")->group(size);

  const char* order = "Order and selection";
  add_choice(app, "--order", o->order, {"keep", "shuffle", "size", "formula", "morton", "balance"}, "the order of the records in the shards (default: keep)")->group(order);
  app.add_option_function<std::uint64_t>("--seed", [o](const std::uint64_t& seed) { o->seed = seed; }, "another number gives another shuffle, sample and split (default: 0)")->type_name("N")->group(order);
  add_selection(app, "--records", o->records, "only these records: 0,5,10:20,-1")->group(order);
  app.add_option("--where", o->where, "only records of which EXPR is true, as 'n_atoms <= 200 AND max_force < 50' (SQLite's language; man atp-inspect lists columns and functions)")->type_name("EXPR")->group(order);
  app.add_option("--dedup", o->dedup, "of records that are equal, keep the first: exact compares all of them, KEY one property")->type_name("exact|KEY")->group(order);
  add_count(app, "--sample", o->sample, "only N records, at random")->group(order);

  app.add_option("--split", o->split, "make a folder of shards of each part, as train=0.9,val=0.05,test=0.05")->type_name("NAME=FRACTION,...")->group(order);
  app.add_option("--by", o->by, "what --split keeps together: record (nothing, the default), formula, or records with one value of KEY")
      ->type_name("record|formula|KEY")->group(order);

  const char* content = "Content";
  app.add_option("--codec", o->codec, "none, lz4 or zstd[:LEVEL] (default: that of the inputs)")->type_name("CODEC")->group(content);
  add_choice(app, "--dtype", o->dtype, {"f32", "f64"}, "all floats in f32, or all in f64 (default: as they are)")->group(content);
  app.add_option("--keep", o->keep, "of the properties, keep those that match (repeatable)")->type_name("GLOB")->group(content);
  app.add_option("--drop", o->drop, "leave out properties that match, or the field of that name (repeatable)")->type_name("GLOB")->group(content);
  add_choice(app, "--on-error", o->on_error, {"stop", "skip"}, "at a damaged record: stop, or leave it out and list it in the manifest (default: stop)")->group(content);
  app.add_flag("--no-verify", o->no_verify, "do not hold records against their checksums")->group(content);

  const char* run = "Running";
  add_size(app, "--memory", o->memory, "memory for records that are brought into another order (default: 1Gi)")->group(run);
  app.add_flag("--resume", o->resume, "go on with a run that was stopped, and keep the shards it finished")->group(run);
  app.add_flag("-f,--force", o->force, "replace the shards in the output folder")->group(run);
  app.add_flag("--dry-run", o->dry_run, "make the plan, say what it is, and write nothing")->group(run);
  app.add_flag("--json", o->json, "print the result as one JSON object")->group(run);
  const CLI::Option* where = app.get_option("--where");
  return [o, where] {
    if (where->count() > 0 && o->where.empty()) fail_usage("--where is empty", "write a condition, as 'n_atoms <= 200'");
    fetch_inputs(o->inputs);
    return shard(*o);
  };
}

}  // namespace atp

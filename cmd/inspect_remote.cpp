#include "cmd/inspect_remote.h"

#include <fmt/format.h>

#include "cmd/options.h"
#include "cmd/remote.h"
#include "cmd/terminal.h"
#include "core/base/selection.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostIndexBytes = 512 << 10;  // of all shards: fetched for the totals that they give

// Says of which files the schema was put together from some records.
void note_sampled_schemas(const RemoteRecords& records) {
  std::uint64_t files = 0;
  for (const auto& shard : records.shards()) files += shard->schema_is_sampled();
  if (files > 0) note(fmt::format("{} without a schema block: the fields are those of some records", files == 1 ? "a file" : fmt::format("{} files", human_count(files))));
}

void refuse_what_needs_all(const InspectOptions& o) {
  const std::string shown = shown_address(o.inputs.front());
  const auto refuse = [&](const char* option) {
    throw Error(Exit::usage, shown, fmt::format("{} reads all records, and these are on a server", option), fmt::format("fetch it first: atp pull {}", shown));
  };
  if (o.stats) refuse("--stats");
  if (!o.sql.empty()) refuse("--sql");
  if (!o.from.empty() || !o.map.empty()) throw Error(Exit::usage, shown, "--from and --map are for files of other formats", "leave them out");
  if (o.inputs.size() > 1) throw Error(Exit::usage, shown_address(o.inputs[1]), "one address at a time can be inspected", "inspect them one after the other");
}

void print_records(RemoteRecords& records, const InspectOptions& options) {
  const Selection selection = Selection::parse(options.records);
  selection.check_not_empty(records.size());  // refuses what is outside, too, before anything is fetched
  std::vector<std::uint64_t> indices;
  selection.for_each(records.size(), [&](std::uint64_t i) { indices.push_back(i); });
  Scratch scratch;
  Sample sample;
  bool first = true;
  records.for_each(indices, std::nullopt, [&](std::uint64_t i, const RemoteShard& shard, std::uint64_t r) {
    const RecordView record = shard.reader().verified_record(r, scratch);
    try {
      record.check();
      sample.fill(record);
      print(options.json ? record_json(sample, i) + "\n" : (first ? "" : "\n") + record_text(sample, i, common_options().verbose));
    } catch (const Error& e) {
      throw e.within(fmt::format("{}: record {}", shard.file().name(), r));
    }
    first = false;
  });
}

}  // namespace

Findings findings_of(RemoteRecords& records) {
  Findings findings;
  findings.format = "atp";
  findings.remote = true;
  findings.header_only = records.index_bytes() > kMostIndexBytes;
  if (!findings.header_only) records.fetch_indexes();
  for (const auto& shard : records.shards()) {
    findings.files.push_back(facts_of(shard->reader()));
    add_schema(shard->reader().schema(), findings);
    if (!findings.header_only) add_index(shard->reader(), findings.files.size() - 1, findings);
  }
  return findings;
}

void inspect_remote(const InspectOptions& options) {
  refuse_what_needs_all(options);
  const auto shared = remote_access();
  const RemoteDataset dataset = find_remote(*shared, options.inputs.front());
  RemoteRecords records(*shared, dataset, remote_connections());
  if (!options.records.empty()) {
    print_records(records, options);
  } else {
    const Findings findings = findings_of(records);
    print(options.json ? summary_json(findings) + "\n" : summary_text(findings, terminal_width()));
    note_sampled_schemas(records);
  }
  note(fmt::format("{} of {} fetched, in {} requests", human_bytes(shared->bytes), human_bytes(records.bytes()), human_count(shared->requests)));
}

}  // namespace atp

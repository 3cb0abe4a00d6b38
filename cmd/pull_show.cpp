// What `atp pull` chooses from a repository, and how it shows it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "cmd/counted.h"
#include "cmd/options.h"
#include "cmd/pull.h"
#include "cmd/terminal.h"
#include "core/base/json_writer.h"
#include "core/hub/remote_records.h"

namespace atp {
namespace {

bool matches_any(const std::vector<std::string>& globs, const std::string& path) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_match(glob, path); });
}

[[noreturn]] void fail_ambiguous(const PullCommand& command, const RemoteDataset& dataset, const std::vector<NamedDataset>& named) {
  std::string names;
  for (std::size_t i = 0; i < named.size() && i < 8; ++i) names += fmt::format("{}{}", i == 0 ? "" : ", ", printable(named[i].path));
  if (named.size() > 8) names += ", ...";
  // Another command, too, may have been given the address.
  const std::string fix = is_remote(command.source) ? fmt::format("name one, as {}/{}", dataset.address.text(), printable(named.front().path)) : "name one as PATH, or pass --include '*.atp' for all";
  throw Error(Exit::usage, dataset.address.text(), fmt::format("holds {} datasets: {}", named.size(), names), fix);
}

}  // namespace

std::vector<RemoteFile> chosen_files(const PullCommand& command, const RemoteDataset& dataset) {
  std::vector<RemoteFile> files = command.include.empty() ? dataset_part(dataset) : dataset.files;
  if (!command.include.empty()) std::erase_if(files, [&](const RemoteFile& f) { return !matches_any(command.include, f.path); });
  std::erase_if(files, [&](const RemoteFile& f) { return matches_any(command.exclude, f.path); });
  const std::string where = dataset.url ? dataset.url->without_query() : dataset.address.text();
  if (files.empty()) throw Error(Exit::usage, where, "there are no files to pull", command.include.empty() ? "atp pull --list shows what is there" : "look at --include and --exclude");
  if (!dataset.url && dataset.address.path.empty() && command.include.empty()) {
    if (const auto named = named_datasets(files); named.size() > 1) fail_ambiguous(command, dataset, named);
  }
  return files;
}

void print_plan(const PullCommand& command, const PullPlan& plan) {
  if (command.json) {
    JsonWriter w;
    w.begin_object().key("dry_run").boolean(true).key("path").string(plan.result).key("files").begin_array();
    for (const auto* list : {&plan.present, &plan.items}) {
      for (const PullItem& item : *list) {
        w.begin_object().key("path").string(item.file.path).key("bytes");
        item.file.size_known ? w.count(item.file.size) : w.null();
        w.key("present").boolean(list == &plan.present).end_object();
      }
    }
    w.end_array().key("fetch_bytes").count(plan.bytes - plan.kept).key("kept_bytes").count(plan.kept).end_object();
    print(w.take() + "\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"file", "size", ""}};
  for (const PullItem& item : plan.present) rows.push_back({printable(item.file.path), human_bytes(item.file.size), "there"});
  for (const PullItem& item : plan.items) {
    const std::uint64_t kept = kept_bytes(item.target);
    rows.push_back({printable(item.file.path), item.file.size_known ? human_bytes(item.file.size) : "?", kept == 0 ? "to fetch" : fmt::format("begun: {}", human_bytes(std::min(kept, item.file.size)))});
  }
  print(table(rows, {false, true, false}));
  print(fmt::format("\n{} to fetch into {}\n", human_bytes(plan.bytes - plan.kept), plan.result));
}

namespace {

constexpr std::size_t kShownShards = 8;  // of each dataset, without --verbose

// What the shards of a dataset say of themselves.
struct Looked {
  std::uint64_t records = 0;
  std::string codecs;
  struct Shard {
    std::uint64_t records;
    std::string codec;
  };
  std::vector<Shard> shards;
};

Looked look_into(HttpShared& shared, const NamedDataset& named) {
  RemoteDataset part;
  part.address.path = named.path;
  for (const RemoteFile* file : named.shards) part.files.push_back(*file);
  const RemoteRecords records(shared, part, remote_connections());
  Looked looked;
  looked.records = records.size();
  std::set<std::string> codecs;
  for (const auto& shard : records.shards()) {
    looked.shards.push_back({shard->reader().size(), codec_name(shard->reader().codec())});
    codecs.insert(looked.shards.back().codec);
  }
  looked.codecs = fmt::format("{}", fmt::join(codecs, ", "));
  return looked;
}

void write_shards(JsonWriter& w, const NamedDataset& d, const Looked* looked) {
  w.begin_array();
  for (std::size_t i = 0; i < d.shards.size(); ++i) {
    w.begin_object().key("path").string(d.shards[i]->path).key("bytes").count(d.shards[i]->size);
    if (!d.shards[i]->etag().empty()) w.key("etag").string(d.shards[i]->etag());
    if (looked) w.key("records").count(looked->shards[i].records).key("codec").string(looked->shards[i].codec);
    w.end_object();
  }
  w.end_array();
}

void print_list_json(const PullCommand& command, HttpShared& shared, const RemoteDataset& dataset, const std::vector<NamedDataset>& named) {
  JsonWriter w;
  w.begin_object().key("repo").string(dataset.address.repo).key("revision").string(dataset.address.revision).key("commit").string(dataset.commit);
  w.key("datasets").begin_array();
  for (const NamedDataset& d : named) {
    w.begin_object().key("path").string(d.path).key("shards").count(d.shards.size()).key("bytes").count(d.bytes);
    std::optional<Looked> looked;
    if (command.inspect) {
      looked = look_into(shared, d);
      w.key("records").count(looked->records).key("codec").string(looked->codecs);
    }
    w.key("files");
    write_shards(w, d, looked ? &*looked : nullptr);
    w.end_object();
  }
  w.end_array().end_object();
  print(w.take() + "\n");
}

// A dataset and, below it, its shards. A lone file is its own shard.
void add_rows(const NamedDataset& d, const Looked* looked, std::vector<std::vector<std::string>>& rows) {
  rows.push_back({printable(d.path), human_count(d.shards.size()), human_bytes(d.bytes)});
  if (looked) rows.back().insert(rows.back().end(), {human_count(looked->records), looked->codecs});
  if (d.shards.front()->path == d.path) return;
  const std::size_t shown = common_options().verbose || d.shards.size() <= kShownShards ? d.shards.size() : kShownShards - 1;
  for (std::size_t i = 0; i < shown; ++i) {
    const RemoteFile& file = *d.shards[i];
    rows.push_back({"  " + printable(file.path.substr(file.path.rfind('/') + 1)), "", human_bytes(file.size)});
    if (looked) rows.back().insert(rows.back().end(), {human_count(looked->shards[i].records), looked->shards[i].codec});
  }
  if (shown < d.shards.size()) rows.push_back({fmt::format("  ... {} more; --verbose lists all", human_count(d.shards.size() - shown))});
}

}  // namespace

void print_list(const PullCommand& command, HttpShared& shared, const RemoteDataset& dataset) {
  const auto named = named_datasets(dataset.files);
  if (command.json) return print_list_json(command, shared, dataset, named);
  print(fmt::format("{} at {} ({})\n\n", dataset.address.repo, dataset.address.revision, dataset.commit.substr(0, 12)));
  if (named.empty()) return print("no .atp files\n");
  std::vector<std::vector<std::string>> rows = {{"dataset", "shards", "size"}};
  if (command.inspect) rows[0].insert(rows[0].end(), {"records", "codec"});
  std::uint64_t bytes = 0;
  for (const NamedDataset& d : named) {
    bytes += d.bytes;
    std::optional<Looked> looked;
    if (command.inspect) looked = look_into(shared, d);
    add_rows(d, looked ? &*looked : nullptr, rows);
  }
  for (auto& row : rows) row.resize(rows[0].size());
  print(table(rows, {false, true, true, true, false}));
  print(fmt::format("\n{}, {}\n", counted(named.size(), "dataset"), human_bytes(bytes)));
}

}  // namespace atp

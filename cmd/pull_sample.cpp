// `atp pull --records` and `--sample`: some records of a dataset on a server, as a local file.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "cmd/options.h"
#include "cmd/pull.h"
#include "cmd/terminal.h"
#include "cmd/version.h"
#include "core/atp/metadata.h"
#include "core/atp/writer.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/base/selection.h"
#include "core/hub/remote_records.h"
#include "core/plan/random.h"

namespace atp {
namespace {

constexpr std::uint64_t kMostRecords = 100'000'000;

// `count` different numbers below `size`, ascending: Floyd's algorithm (Bentley, Communications of the ACM 30, 1987).
std::vector<std::uint64_t> draw(std::uint64_t size, std::uint64_t count, std::uint64_t seed) {
  std::set<std::uint64_t> drawn;
  Random random(seed, 0, Purpose::remote_sample);
  for (std::uint64_t j = size - std::min(count, size); j < size; ++j) {
    if (const std::uint64_t i = random.below(j + 1); !drawn.insert(i).second) drawn.insert(j);
  }
  return {drawn.begin(), drawn.end()};
}

// The indices as --records takes them: "0:10000,20005".
std::string selection_text(const std::vector<std::uint64_t>& indices) {
  std::string text;
  for (std::size_t at = 0; at < indices.size();) {
    std::size_t end = at + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += end - at < 3 ? fmt::format("{}", indices[at]) : fmt::format("{}:{}", indices[at], indices[end - 1] + 1);
    at = end - at < 3 ? at + 1 : end;
  }
  return text;
}

std::vector<std::uint64_t> chosen_records(const PullCommand& command, std::uint64_t size, const std::string& where) {
  std::vector<std::uint64_t> indices;
  const Selection selection = Selection::parse(command.records.empty() ? ":" : command.records);
  const std::uint64_t count = command.sample ? std::min(*command.sample, size) : selection.count(size);
  if (count > kMostRecords) throw Error(Exit::usage, where, fmt::format("{} records are more than can be fetched one by one", count), "pull the dataset");
  if (command.sample) return draw(size, count, command.seed);
  selection.for_each(size, [&](std::uint64_t i) { indices.push_back(i); });
  return indices;
}

std::string metadata_of_sample(const PullCommand& command, const RemoteDataset& dataset, const RemoteRecords& records, const std::vector<std::uint64_t>& indices) {
  Metadata metadata;
  // Units and the like are those of the first shard, as all have one schema.
  if (const auto text = records.shards().front()->reader().metadata(); !text.empty()) {
    const Metadata theirs = Metadata::parse(text);
    metadata.units = theirs.units;
    metadata.license = theirs.license;
  }
  metadata.generator = fmt::format("atp {}", version());
  for (const auto& shard : records.shards()) metadata.sources.push_back({shard->file().path, shard->size(), std::nullopt});
  JsonWriter w;
  w.begin_object();
  if (dataset.url) w.key("address").string(dataset.url->without_query());
  else w.key("repository").string(dataset.address.repo).key("revision").string(dataset.address.revision).key("commit").string(dataset.commit).key("path").string(dataset.address.path);
  w.key("records").string(selection_text(indices));
  if (command.sample) w.key("seed").count(command.seed);
  w.end_object();
  metadata.other["pulled"] = w.take();
  return metadata.to_json();
}

Codec common_codec(const RemoteRecords& records) {
  const Reader& first = records.shards().front()->reader();
  for (const auto& shard : records.shards()) {
    if (shard->reader().codec() == first.codec()) continue;
    throw Error(Exit::usage, shard->file().name(), fmt::format("is stored with {}, {} with {}", codec_name(shard->reader().codec()), first.path(), codec_name(first.codec())),
                "name shards of one codec");
  }
  return first.codec();
}

// Collects stored records and hands them to the writer some megabytes at a time.
class SampleWriter {
 public:
  SampleWriter(const PullCommand& command, WriterOptions options) : writer_(Writer::create(output_target(command.output, "--output"), std::move(options))) {}

  void add(const RemoteShard& shard, std::uint64_t record) {
    const Reader& reader = shard.reader();
    try {
      reader.verified_record(record, scratch_).check();
    } catch (const Error& e) {
      throw e.where().empty() ? e.within(fmt::format("{}: record {}", reader.path(), record)) : e;
    }
    const IndexEntry e = reader.entry(record);
    const Bytes stored = reader.stored(e);
    if (&reader != last_) flush();
    last_ = &reader;
    bytes_.insert(bytes_.end(), stored.begin(), stored.end());
    entries_.push_back({e.stored, e.unpacked, e.atoms, record_checksum(stored)});
    if (bytes_.size() > (std::size_t{8} << 20)) flush();
  }

  void finish() {
    flush();
    writer_.finish();
  }

 private:
  void flush() {
    if (!entries_.empty()) writer_.add_stored(bytes_, entries_, last_->schema());
    bytes_.clear();
    entries_.clear();
  }

  Writer writer_;
  Scratch scratch_;
  const Reader* last_ = nullptr;
  std::vector<std::byte> bytes_;
  std::vector<EncodedRecords::Entry> entries_;
};

}  // namespace

Exit pull_records(const PullCommand& command, HttpShared& shared, const RemoteDataset& dataset) {
  const auto start = std::chrono::steady_clock::now();
  RemoteRecords records(shared, dataset, remote_connections());
  const std::string where = dataset.url ? dataset.url->without_query() : dataset.address.text();
  const auto indices = chosen_records(command, records.size(), where);
  WriterOptions options;
  options.codec = common_codec(records);
  options.overwrite = command.force;
  options.metadata = metadata_of_sample(command, dataset, records, indices);
  SampleWriter writer(command, std::move(options));
  {
    Progress progress("pulling", indices.size(), false);
    std::uint64_t done = 0;
    records.for_each(indices, command.gap, [&](std::uint64_t, const RemoteShard& shard, std::uint64_t record) {
      writer.add(shard, record);
      progress.advance_to(++done);
      progress.set_records(done);
    });
  }
  writer.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (command.json) {
    JsonWriter w;
    w.begin_object().key("path").string(command.output).key("records").count(indices.size()).key("of_records").count(records.size());
    w.key("fetched_bytes").count(shared.bytes).key("of_bytes").count(records.bytes()).key("requests").count(shared.requests).key("seconds").real(seconds).end_object();
    print(w.take() + "\n");
    return Exit::ok;
  }
  print(command.output + "\n");
  note(fmt::format("{} of {} records; {} fetched of {} ({:.2g} %), in {} requests, {}", human_count(indices.size()), human_count(records.size()), human_bytes(shared.bytes),
                   human_bytes(records.bytes()), 100 * static_cast<double>(shared.bytes) / static_cast<double>(records.bytes()), human_count(shared.requests), human_seconds(seconds)));
  return Exit::ok;
}

}  // namespace atp

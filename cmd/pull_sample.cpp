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

// Collects stored records and hands them to the writer some megabytes at a time. Records of another codec than the new
// file's are compressed anew.
class SampleWriter {
 public:
  SampleWriter(const PullCommand& command, WriterOptions options)
      : writer_(Writer::create(output_target(command.output, "--output"), std::move(options))), compressor_(writer_.codec()) {}

  void add(const RemoteShard& shard, std::uint64_t record) {
    const Reader& reader = shard.reader();
    if (&shard != last_) flush();
    last_ = &shard;
    try {
      const RecordView view = reader.verified_record(record, scratch_);
      view.check();
      if (shard.schema_is_sampled()) {
        if (const std::string problem = schema_.add(view); !problem.empty()) fail_input("", problem);
      }
      add_bytes(reader, reader.entry(record));
    } catch (const Error& e) {
      throw e.where().empty() ? e.within(fmt::format("{}: record {}", reader.path(), record)) : e;
    }
    if (bytes_.size() > (std::size_t{8} << 20)) flush();
  }

  void finish() {
    flush();
    writer_.finish();
  }

 private:
  // The record has been read into scratch_.
  void add_bytes(const Reader& reader, const IndexEntry& e) {
    const std::size_t start = bytes_.size();
    if (const Bytes stored = reader.stored(e); reader.codec() == writer_.codec()) {
      bytes_.insert(bytes_.end(), stored.begin(), stored.end());
    } else {
      compressor_.compress(reader.codec().id == CodecId::none ? stored : Bytes(scratch_.buffer()).first(e.unpacked), bytes_);
    }
    const Bytes now = Bytes(bytes_).subspan(start);
    if (now.size() > UINT32_MAX) fail_input("", "compresses to more bytes than an index entry can say");
    entries_.push_back({static_cast<std::uint32_t>(now.size()), e.unpacked, e.atoms, record_checksum(now)});
  }

  void flush() {
    if (!entries_.empty()) writer_.add_stored(bytes_, entries_, last_->schema_is_sampled() ? schema_ : last_->reader().schema());
    bytes_.clear();
    entries_.clear();
    schema_ = {};
  }

  Writer writer_;
  CodecContext compressor_;
  Scratch scratch_;
  const RemoteShard* last_ = nullptr;
  Schema schema_;  // of what is collected, where the shard cannot tell
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
  options.codec = records.shards().front()->reader().codec();
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
  const double percent = 100 * static_cast<double>(shared.bytes) / static_cast<double>(records.bytes());
  note(fmt::format("{} of {} records; {} fetched of {} ({} %), in {} requests, {}", human_count(indices.size()), human_count(records.size()), human_bytes(shared.bytes),
                   human_bytes(records.bytes()), percent < 10 ? fmt::format("{:.2g}", percent) : fmt::format("{:.0f}", percent), human_count(shared.requests), human_seconds(seconds)));
  return Exit::ok;
}

}  // namespace atp

#include "core/shard/manifest_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "core/base/json_writer.h"

namespace atp {
namespace {

std::string file_json(const ShardManifest::File& f) {
  JsonWriter w;
  w.begin_object().key("path").string(f.name).key("records").count(f.file.records).key("atoms").count(f.file.atoms);
  w.key("bytes").count(f.file.bytes).key("xxh3_128").string(f.sums.xxh128).key("sha256").string(f.sums.sha256).end_object();
  return w.take();
}

std::string source_json(const ShardManifest::Source& s) {
  JsonWriter w;
  w.begin_object().key("name").string(s.name).key("bytes").count(s.bytes).key("records").count(s.records).end_object();
  return w.take();
}

std::string damage_json(const DamagedRecord& d) {
  JsonWriter w;
  w.begin_object().key("file").string(d.file).key("record").count(d.record_of_file).key("why").string(d.why).end_object();
  return w.take();
}

// One item a line, so that a manifest of thousands of files can be looked at and compared.
template <class Items, class Fn>
std::string list_json(const Items& items, Fn&& json) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() == 1 ? "\n    " : ",\n    ") + json(item);
  return text + (text.size() == 1 ? "]" : "\n  ]");
}

std::string json_text(std::string_view text) {
  JsonWriter w;
  w.string(text);
  return w.take();
}

}  // namespace

std::string manifest_text(const ShardManifest& m) {
  std::uint64_t records = 0, atoms = 0, bytes = 0, most = 0;
  std::vector<DamagedRecord> damaged = m.left_out;
  for (const auto& f : m.files) {
    records += f.file.records;
    atoms += f.file.atoms;
    bytes += f.file.bytes;
    most = std::max(most, f.file.records);
    damaged.insert(damaged.end(), f.file.damaged.begin(), f.file.damaged.end());
  }
  std::string text = "{";
  const auto put = [&](std::string_view key, const std::string& json) {
    text += fmt::format("{}\n  \"{}\": {}", text.size() == 1 ? "" : ",", key, json);
  };
  put("dataset", json_text(m.dataset));
  put("variant", json_text(m.variant.empty() ? "all" : m.variant));
  put("n_samples", fmt::format("{}", records));
  put("max_samples_per_file", fmt::format("{}", most));
  put("n_files", fmt::format("{}", m.files.size()));
  put("compression", json_text(codec_names()[static_cast<std::size_t>(m.codec.id)]));
  put("compression_level", m.codec.id == CodecId::zstd ? fmt::format("{}", m.codec.level) : "null");
  put("output_files", list_json(m.files, [](const auto& f) { return json_text(f.name); }));
  put("created_at_utc", json_text(m.created_at_utc));
  put("atoms", fmt::format("{}", atoms));
  put("bytes", fmt::format("{}", bytes));
  put("generator", json_text(m.generator));
  std::string command;
  for (const auto& word : m.command) command += (command.empty() ? "" : ", ") + json_text(word);
  put("command", "[" + command + "]");
  put("seed", fmt::format("{}", m.seed));
  put("order", json_text(m.order));
  put("balance", json_text(m.balance));
  put("algorithm", json_text(m.algorithm));
  put("largest_to_mean", fmt::format("{:.6f}", m.largest_to_mean));
  put("plan", json_text(m.plan));
  put("sources", list_json(m.sources, source_json));
  put("left_out", list_json(damaged, damage_json));
  put("files", list_json(m.files, file_json));
  return text + "\n}\n";
}

std::string utc_time() {
  std::time_t now = std::time(nullptr);
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(epoch, epoch + std::strlen(epoch), seconds);
    if (error == std::errc() && *end == 0) now = static_cast<std::time_t>(seconds);
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace atp

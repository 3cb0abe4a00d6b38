#include "core/shard/inputs.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/base/error.h"

namespace atp {
namespace {

// "a", "a; b": what is new is added.
void join_text(std::string& to, const std::string& text) {
  if (text.empty() || ("; " + to + "; ").find("; " + text + "; ") != std::string::npos) return;
  to += (to.empty() ? "" : "; ") + text;
}

void merge_units(Metadata& into, const Metadata& from, std::map<std::string, std::string>& origins, const std::string& path) {
  for (const auto& [field, unit] : from.units) {
    const auto [known, added] = into.units.emplace(field, unit);
    if (added) origins[field] = path;
    if (known->second == unit) continue;
    fail_input(path, fmt::format("{} is in {} here and in {} in {}", field, unit, known->second, origins[field]),
               "bring them to one unit first, or make shards of each");
  }
}

// The file before `shard` whose schema is what `shard` disagrees with.
std::string file_in_conflict(const Dataset& dataset, std::size_t shard, const Recoding& recoding) {
  const Schema mine = recoded(dataset.shards()[shard].schema(), recoding);
  for (std::size_t k = 0; k < shard; ++k) {
    Schema other = recoded(dataset.shards()[k].schema(), recoding);
    if (!other.merge(mine).empty()) return dataset.shards()[k].path();
  }
  return dataset.shards()[0].path();
}

}  // namespace

Schema recoded(const Schema& schema, const Recoding& recoding) {
  Schema out = schema;
  for (const auto& key : recoding.dropped) out.entries.erase(key);
  return recoding.dtype ? with_dtype(out, *recoding.dtype) : out;
}

Schema merged_schema(const Dataset& dataset, const Recoding& recoding) {
  Schema merged;
  for (std::size_t k = 0; k < dataset.shards().size(); ++k) {
    const Reader& file = dataset.shards()[k];
    if (file.size() == 0) continue;
    const std::string problem = merged.merge(recoded(file.schema(), recoding));
    if (problem.empty()) continue;
    fail_input(file.path(), fmt::format("{}, in {}", problem, file_in_conflict(dataset, k, recoding)),
               "pass --dtype f32 or f64 where only the width of floats differs, or leave the field out with --drop");
  }
  return merged;
}

Codec common_codec(const Dataset& dataset) {
  const Reader& first = dataset.shards()[0];
  for (const Reader& file : dataset.shards()) {
    if (file.codec() == first.codec()) continue;
    throw Error(Exit::usage, file.path(),
                fmt::format("its codec is {}, that of {} is {}", codec_name(file.codec()), first.path(), codec_name(first.codec())),
                fmt::format("pass --codec {} to store all records with one", codec_name(first.codec())));
  }
  return first.codec();
}

Metadata merged_metadata(const Dataset& dataset) {
  Metadata merged;
  std::map<std::string, std::string> unit_origins;
  bool first = true;
  for (const Reader& file : dataset.shards()) {
    const Metadata m = Metadata::parse(file.metadata());
    merge_units(merged, m, unit_origins, file.path());
    for (const auto& [field, how] : m.mapping) join_text(merged.mapping[field], how);
    for (const auto& [key, value] : m.user) join_text(merged.user[key], value);
    join_text(merged.license, m.license);
    if (first) merged.other = m.other;
    std::erase_if(merged.other, [&](const auto& item) {
      const auto same = m.other.find(item.first);
      return same == m.other.end() || same->second != item.second;
    });
    first = false;
  }
  return merged;
}

std::string name_in_metadata(const std::string& path) {
  const std::filesystem::path p(path);
  return p.is_absolute() ? p.filename().string() : p.lexically_normal().string();
}

}  // namespace atp

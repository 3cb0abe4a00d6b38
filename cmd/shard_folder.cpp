#include "cmd/shard_folder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "core/atp/dataset.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/io/fd.h"

namespace atp {
namespace {

namespace fs = std::filesystem;

// Valid until the parser's next use; nothing when there is no such file or no JSON in it.
std::optional<simdjson::dom::element> load_json(simdjson::dom::parser& parser, const std::string& path) {
  std::error_code error;
  simdjson::dom::element root;
  if (!fs::is_regular_file(path, error) || parser.load(path).get(root) != simdjson::SUCCESS) return std::nullopt;
  return root;
}

// Empty when there is no such key, or no text in it.
std::string text_in(simdjson::dom::element root, std::string_view key) {
  std::string_view text;
  return root[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// The "plan" in a JSON file; empty when there is no such file or no such key.
std::string plan_in(const std::string& path) {
  simdjson::dom::parser parser;
  const auto root = load_json(parser, path);
  return root ? text_in(*root, "plan") : std::string();
}

bool all_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

// "part_0017.atp", and what a killed writer made of it: "part_0017.atp.tmp-4711-0".
bool is_shard_name(std::string_view name) {
  if (!name.starts_with("part_")) return false;
  const auto dot = name.find('.');
  return dot != std::string_view::npos && all_digits(name.substr(5, dot - 5)) &&
         (name.substr(dot) == ".atp" || name.substr(dot).starts_with(".atp.tmp-"));
}

bool is_list_name(std::string_view name) {
  const auto is = [&](std::string_view base) { return name == base || name.starts_with(std::string(base) + ".tmp-"); };
  return is("manifest.json") || is(kShardStateName);
}

}  // namespace

ShardFolder::ShardFolder(std::string folder, std::vector<std::string> files, std::string plan)
    : folder_(std::move(folder)), files_(std::move(files)), plan_(std::move(plan)) {}

std::string ShardFolder::path(const std::string& file) const { return (fs::path(folder_) / file).string(); }

std::vector<std::string> ShardFolder::listing() const {
  std::vector<std::string> names;
  for (const auto& path : files_below(folder_, [](const std::string&) { return true; })) {
    std::string name = fs::path(path).lexically_relative(folder_).string();
    if (!passed_over_.contains(name)) names.push_back(std::move(name));
  }
  return names;
}

// By its name a file that atp shard writes.
bool ShardFolder::is_ours(const std::string& file) const {
  const std::string name = fs::path(file).filename().string();
  return is_shard_name(name) || is_list_name(name);
}

// The files that earlier runs into this folder, finished or not, say are theirs. A folder below it is a split of such
// a run when its manifest says so, and somebody else's dataset when not.
std::set<std::string> ShardFolder::files_of_earlier_runs(const std::vector<std::string>& there) const {
  std::set<std::string> theirs;
  std::set<std::string> unfinished;  // folders that a run was writing
  simdjson::dom::parser parser;
  if (const auto state = load_json(parser, path(kShardStateName)); state && !text_in(*state, "plan").empty()) {
    theirs.insert(kShardStateName);
    unfinished.insert("");
    simdjson::dom::array folders;
    if ((*state)["folders"].get(folders) == simdjson::SUCCESS) {
      for (const auto folder : folders) {
        if (std::string_view name; folder.get(name) == simdjson::SUCCESS) unfinished.insert(std::string(name));
      }
    }
  }
  const std::string name = fs::path(fs::absolute(folder_).lexically_normal() / "").parent_path().filename().string();
  for (const std::string& file : there) {
    const fs::path folder = fs::path(file).parent_path();
    if (unfinished.contains(folder.string()) && is_ours(file)) theirs.insert(file);
    if (fs::path(file).filename() != "manifest.json") continue;
    const auto manifest = load_json(parser, path(file));
    if (!manifest || text_in(*manifest, "plan").empty()) continue;
    if (!folder.empty() && (text_in(*manifest, "dataset") != name || text_in(*manifest, "variant") != folder.string())) continue;
    theirs.insert(file);
    simdjson::dom::array shards;
    if ((*manifest)["output_files"].get(shards) != simdjson::SUCCESS) continue;
    for (const auto shard : shards) {
      if (std::string_view shard_name; shard.get(shard_name) == simdjson::SUCCESS && is_shard_name(shard_name)) theirs.insert((folder / shard_name).string());
    }
  }
  return theirs;
}

void ShardFolder::pass_over(const std::string& path) { passed_over_.insert(fs::path(path).lexically_relative(folder_).string()); }

bool ShardFolder::has(const std::string& file) const {
  std::error_code error;
  return resuming_ && fs::is_regular_file(path(file), error);
}

void ShardFolder::check(bool resume, bool force) {
  std::error_code error;
  const auto status = fs::status(folder_, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) throw Error(Exit::usage, folder_, "is not a folder", "name a folder with -o");
  std::vector<std::string> there = listing();
  // What a killed run was writing belongs to nobody, also before its state file was in place.
  std::set<std::string> folders{""};
  for (const auto& file : files_) folders.insert(fs::path(file).parent_path().string());
  const auto stays = [&](const std::string& file) {
    return !folders.contains(fs::path(file).parent_path().string()) || !is_ours(file) || !is_leftover(file);
  };
  const auto leftovers = std::stable_partition(there.begin(), there.end(), stays);
  obsolete_.assign(leftovers, there.end());
  there.erase(leftovers, there.end());
  if (there.empty()) return;

  const bool unfinished = plan_in(path(kShardStateName)) == plan_;
  complete_ = !fs::exists(path(kShardStateName)) && std::all_of(files_.begin(), files_.end(), [&](const std::string& file) {
    return fs::path(file).filename() == "manifest.json" ? plan_in(path(file)) == plan_ : fs::is_regular_file(path(file), error);
  });
  if (resume && (unfinished || complete_)) {
    resuming_ = true;
    for (const auto& file : there) {
      const bool manifest = fs::path(file).filename() == "manifest.json";  // written last, so written anew
      if (is_ours(file) && (manifest || file.find(".tmp-") != std::string::npos)) obsolete_.push_back(file);
    }
    return;
  }
  complete_ = false;
  if (resume && !force) {
    const bool other = fs::exists(path(kShardStateName));
    throw Error(Exit::system, folder_,
                other ? "holds an unfinished run of another plan: inputs or options have changed since" : "holds no run that could be resumed",
                "pass --force to replace its shards, or name another folder");
  }
  if (!force) {
    const bool state = fs::exists(path(kShardStateName));
    throw Error(Exit::system, folder_, fmt::format("is not empty: it holds {}{}", there[0], there.size() > 1 ? fmt::format(" and {} more", there.size() - 1) : ""),
                state ? "a run has not finished: repeat atp shard with --resume, or pass --force to begin anew" : "pass --force to replace the shards in it, or name another folder");
  }
  const std::set<std::string> theirs = files_of_earlier_runs(there);
  for (const auto& file : there) {
    if (theirs.contains(file)) {
      obsolete_.push_back(file);
    } else if (file.ends_with(".atp")) {
      throw Error(Exit::system, path(file), "is in the way: no run of atp shard into this folder wrote it, and it would become part of the dataset",
                  "move it, or name another folder with -o");
    } else if (std::find(files_.begin(), files_.end(), file) != files_.end()) {
      throw Error(Exit::system, path(file), "is in the way: no run of atp shard into this folder wrote it", "move it, or name another folder with -o");
    }
  }
}

void ShardFolder::begin() {
  std::error_code error;
  std::vector<std::string> folders{folder_};
  for (const auto& file : files_) folders.push_back(fs::path(path(file)).parent_path().string());
  for (const auto& folder : folders) {
    if (!fs::create_directories(folder, error) && error) fail_system(folder, "cannot make the folder", error.value());
  }
  // The state file comes first: whatever is removed or written after it belongs to an unfinished run.
  if (!resuming_ || !fs::exists(path(kShardStateName))) {
    JsonWriter w;
    w.begin_object().key("plan").string(plan_).key("note").string("atp is writing this folder, or was stopped: repeat atp shard with --resume, atp pack with --force");
    w.key("folders").begin_array();
    std::set<std::string> parts;
    for (const auto& file : files_) parts.insert(fs::path(file).parent_path().string());
    for (const auto& part : parts) w.string(part);
    w.end_array().key("shards").count(static_cast<std::uint64_t>(std::count_if(files_.begin(), files_.end(), [](const auto& f) { return f.ends_with(".atp"); })));
    w.end_object();
    write_text_file(path(kShardStateName), w.text() + "\n", true);
  }
  state_ = real_disk().open_existing(path(kShardStateName));
  for (const auto& file : obsolete_) {
    if (file == kShardStateName) continue;
    real_disk().remove(path(file));
    const fs::path above = fs::path(file).parent_path();  // of a split that is no more
    if (!above.empty() && std::find(folders.begin(), folders.end(), path(above.string())) == folders.end()) fs::remove(path(above.string()), error);
  }
}

void ShardFolder::end() {
  real_disk().remove(path(kShardStateName));
  state_.reset();
}

}  // namespace atp
